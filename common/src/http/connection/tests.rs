//! What one connection may cost, in memory and in time.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Wake;

use futures_util::FutureExt;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

use super::allowance::{BODY_PIECE, FIRST_PIECE, REQUESTS_AT_ONCE, SHORTEST_HEAD, SMALLEST_PIECE};
use super::*;

const KERNEL: usize = 1 << 20;

fn pair() -> (DuplexStream, Bounded<DuplexStream>) {
    let (client, server) = duplex(KERNEL);
    (client, Bounded::new(server))
}

/// Writes a whole answer, as actix-http does.
async fn answer(stream: &mut Bounded<DuplexStream>) {
    stream.write_all(b"answer").await.unwrap();
    stream.flush().await.unwrap();
}

/// Reads what can be read without waiting.
async fn available(stream: &mut Bounded<DuplexStream>) -> usize {
    let mut all = 0;
    let mut buffer = vec![0; 100_000];
    while let Some(length) = tokio::select! {
        biased;
        length = stream.read(&mut buffer) => Some(length.unwrap()),
        () = tokio::time::sleep(Duration::from_millis(1)) => None,
    } {
        all += length;
    }
    all
}

#[tokio::test(start_paused = true)]
async fn while_a_request_is_served_no_more_than_a_piece_is_read() {
    let (mut client, mut stream) = pair();
    client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
    let serving = stream.connection().serve(false);
    assert_eq!(available(&mut stream).await, FIRST_PIECE);
    stream.write_all(b"part of an answer").await.unwrap();
    assert_eq!(available(&mut stream).await, 0, "the rest of the answer is still to be written");
    answer(&mut stream).await;
    assert_eq!(available(&mut stream).await, PIECE);
    stream.connection().want_body();
    assert_eq!(available(&mut stream).await, BODY_PIECE);
    stream.connection().want_body();
    answer(&mut stream).await;
    assert_eq!(available(&mut stream).await, PIECE, "the allowance of a body ends with its answer");
    drop(serving);
}

#[tokio::test(start_paused = true)]
async fn who_waits_to_read_is_woken_by_the_answer() {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }
    let (mut client, mut stream) = pair();
    client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
    let serving = stream.connection().serve(false);
    available(&mut stream).await;
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let mut bytes = [0];
    let waker = woken.clone().into();
    let read = pin!(stream.read(&mut bytes)).poll(&mut Context::from_waker(&waker));
    assert!(read.is_pending() && !woken.0.load(Relaxed));
    answer(&mut stream).await;
    assert!(woken.0.load(Relaxed));
    drop(serving);
}

#[tokio::test(start_paused = true)]
async fn what_a_buffer_held_before_a_read_does_not_count() {
    let (mut client, mut stream) = pair();
    client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
    let serving = stream.connection().serve(false);
    let mut memory = [0; 8];
    let mut buffer = ReadBuf::new(&mut memory);
    buffer.put_slice(b"before ");
    poll_fn(|context| Pin::new(&mut stream).poll_read(context, &mut buffer)).await.unwrap();
    assert_eq!(buffer.filled(), b"before x");
    assert_eq!(1 + available(&mut stream).await, FIRST_PIECE);
    drop(serving);
}

#[tokio::test(start_paused = true)]
async fn short_requests_are_read_a_few_at_a_time() {
    for (length, piece) in [(10, SMALLEST_PIECE), (64, REQUESTS_AT_ONCE * 64), (FIRST_PIECE, PIECE)] {
        let (mut client, mut stream) = pair();
        client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
        // Without a request in service more would be read, because a head could be incomplete.
        let serving: Vec<_> = (0..FIRST_PIECE / length).map(|_| stream.connection().serve(false)).collect();
        assert_eq!(available(&mut stream).await, FIRST_PIECE);
        answer(&mut stream).await;
        assert_eq!(available(&mut stream).await, piece, "requests of {length} bytes");
        drop(serving);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_written_in_turns() {
    let (_client, mut stream) = pair();
    let slice = [b'x'; WRITE_TURN / 4];
    for _ in 0..3 {
        let in_turn = poll_fn(|context| {
            let mut written = 0;
            while let Poll::Ready(length) = Pin::new(&mut stream).poll_write(context, &slice) {
                written += length.unwrap();
            }
            Poll::Ready(written)
        });
        assert_eq!(in_turn.await, WRITE_TURN);
    }
    stream.write_all(&slice).await.unwrap();
    assert_eq!(available(&mut stream).await, 0);
    let mut written = 0;
    while let Some(length) = stream.write(&slice).now_or_never() {
        written += length.unwrap();
    }
    assert_eq!(written, WRITE_TURN, "a turn that begins with a read is a whole one");
}

#[tokio::test(start_paused = true)]
async fn a_head_may_be_longer_than_a_piece_but_not_endless() {
    let (mut client, mut stream) = pair();
    client.write_all(&vec![b'x'; KERNEL]).await.unwrap();
    assert!((HEAD_BYTES..HEAD_BYTES + PIECE).contains(&available(&mut stream).await));
}

#[tokio::test(start_paused = true)]
async fn every_head_that_drips_ends_the_connection() {
    let (mut client, mut stream) = pair();
    client.write_all(b"first").await.unwrap();
    let serving = stream.connection().serve(false);
    assert_eq!(available(&mut stream).await, 5);
    tokio::time::sleep(HEAD_LIMIT * 3).await;
    assert_eq!(available(&mut stream).await, 0, "a slow handler is no slow client");
    answer(&mut stream).await;
    drop(serving);
    tokio::time::sleep(HEAD_LIMIT * 3).await;
    assert_eq!(available(&mut stream).await, 0, "an idle client is no slow client");
    for _ in 0..2 {
        client.write_all(b"later").await.unwrap();
        assert_eq!(available(&mut stream).await, 5, "a later request has its own time");
        answer(&mut stream).await;
        tokio::time::sleep(HEAD_LIMIT * 3).await;
    }

    let began = Instant::now();
    let drip = async {
        loop {
            client.write_all(b"x").await.unwrap();
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
    };
    let read = async {
        let mut byte = [0];
        while stream.read(&mut byte).await.is_ok() {}
    };
    tokio::select! {
        () = read => {}
        () = drip => {}
    }
    assert!((HEAD_LIMIT..HEAD_LIMIT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_rest_never_comes_ends_the_connection_and_one_that_was_read_does_not() {
    for read_to_its_end in [false, true] {
        let (mut client, mut stream) = pair();
        client.write_all(b"head and part of a body").await.unwrap();
        let serving = stream.connection().serve(true);
        available(&mut stream).await;
        if read_to_its_end {
            stream.connection().body_ended();
        }
        answer(&mut stream).await;
        drop(serving);
        let began = Instant::now();
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let limit = if read_to_its_end { IDLE_LIMIT } else { HEAD_LIMIT };
        assert!((limit..limit * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_read_ends_the_connection_and_one_that_is_read_slowly_does_not() {
    let answer = vec![b'x'; KERNEL * 2];
    let (client, mut stream) = pair();
    let error = stream.write_all(&answer).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(client);

    let (mut client, mut stream) = pair();
    let slowly = async {
        let mut piece = vec![0; WRITE_STEP];
        loop {
            tokio::time::sleep(WRITE_LIMIT / 2).await;
            client.read_exact(&mut piece).await.unwrap();
        }
    };
    tokio::select! {
        written = stream.write_all(&answer) => written.unwrap(),
        () = slowly => {}
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_read_in_drops_ends_the_connection_even_after_a_good_begin() {
    let (mut client, mut stream) = pair();
    let drops = async {
        // By now the write is blocked.
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.read_exact(&mut [0; WRITE_STEP]).await.unwrap();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            client.read_u8().await.unwrap();
        }
    };
    let answer = vec![b'x'; KERNEL * 2];
    tokio::select! {
        written = timeout(WRITE_LIMIT * 2, stream.write_all(&answer)) => {
            assert_eq!(written.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        () = drops => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_leaves_the_body_for_later_is_no_slow_client() {
    let (mut client, mut stream) = pair();
    client.write_all(b"head and part of a body").await.unwrap();
    let serving = stream.connection().serve(true);
    available(&mut stream).await;
    tokio::time::sleep(HEAD_LIMIT * 3).await;
    assert_eq!(available(&mut stream).await, 0);
    tokio::time::sleep(HEAD_LIMIT * 3).await;
    assert_eq!(available(&mut stream).await, 0);
    drop(serving);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_a_write_is_blocked() {
    let (mut client, mut stream) = pair();
    client.write_all(b"more").await.unwrap();
    let answer = vec![b'x'; KERNEL * 2];
    let blocked = timeout(Duration::from_secs(1), stream.write_all(&answer)).await;
    assert!(blocked.is_err());
    assert_eq!(available(&mut stream).await, 0);
    client.read_exact(&mut vec![0; KERNEL]).await.unwrap();
    stream.write_all(b"the end").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(available(&mut stream).await, 4, "it is read once the answer is written");
}

/// A whole request of 18 bytes, so that a piece has many more of them than may be read.
const SHORT: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn no_more_than_eight_requests_are_read_until_one_of_them_begins() {
    let (mut client, mut stream) = pair();
    client.write_all(&SHORT.repeat(1000)).await.unwrap();
    let mut serving = vec![stream.connection().serve(false)];
    assert_eq!(available(&mut stream).await, REQUESTS_AT_ONCE * SHORT.len());
    answer(&mut stream).await;
    assert_eq!(available(&mut stream).await, 0, "the others are not answered yet");
    for _ in 0..3 {
        serving.push(stream.connection().serve(false));
        answer(&mut stream).await;
        assert_eq!(available(&mut stream).await, SHORT.len(), "as many as began");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_ends_with_a_blank_line_however_it_arrives() {
    for (pieces, heads) in [
        (&[&b"GET / HTTP/1.1\nA: b\n\n"[..]][..], 1),
        (&[b"GET / HTTP/1.1\r\nA: b\r", b"\n", b"\r", b"\n"], 1),
        (&[b"GET / HTTP/1.1\r\nA: b\r\n"], 0),
        (&[b"GET / HTTP\r\r", b"/1.1\n\n", b"\n"], 1),
        (&[b"G / HTTP/1.1\n\n"], 1),
        (&[b"\n\nA: b\n\n\nA: b\n\n"], 1),
    ] {
        let connection = Connection::new();
        for piece in pieces {
            assert_eq!(connection.up_to_last_head(piece), piece.len());
        }
        let more = SHORT.repeat(REQUESTS_AT_ONCE);
        assert_eq!(connection.up_to_last_head(&more), (REQUESTS_AT_ONCE - heads) * SHORT.len(), "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn blank_lines_of_a_body_hold_nothing_up() {
    let (mut client, mut stream) = pair();
    client.write_all(&vec![b'\n'; 1000]).await.unwrap();
    let serving = stream.connection().serve(true);
    let mut read = available(&mut stream).await;
    while read < 1000 {
        stream.connection().want_body();
        let more = available(&mut stream).await;
        assert_eq!(more, (REQUESTS_AT_ONCE * SHORTEST_HEAD).min(1000 - read));
        read += more;
    }
    stream.connection().body_ended();
    drop(serving);
    answer(&mut stream).await;
    client.write_all(SHORT).await.unwrap();
    assert_eq!(available(&mut stream).await, SHORT.len());
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_long_answer_let_no_further_requests_in() {
    let (mut client, mut stream) = pair();
    client.write_all(&SHORT.repeat(1000)).await.unwrap();
    let serving = stream.connection().serve(false);
    assert_eq!(available(&mut stream).await, REQUESTS_AT_ONCE * SHORT.len());
    // The handler is done, and the body of its answer goes out in parts.
    drop(serving);
    answer(&mut stream).await;
    assert_eq!(available(&mut stream).await, SHORT.len());
    for _ in 0..10 {
        answer(&mut stream).await;
        assert_eq!(available(&mut stream).await, 0);
    }
}
