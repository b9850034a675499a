use std::time::Duration;

use causeway_testing::proxy::TcpProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

async fn echo_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there are free ports");
    let address = listener.local_addr().expect("a listener has an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                tokio::io::copy(&mut read, &mut write).await.ok();
            });
        }
    });
    address
}

async fn echoed(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    let mut answer = vec![0; text.len()];
    timeout(LONG, stream.read_exact(&mut answer)).await??;
    Ok(answer)
}

#[tokio::test]
async fn a_cut_closes_what_is_open_and_leaves_the_way_free() {
    let proxy = TcpProxy::start(echo_server().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(echoed(&mut stream, b"one").await.unwrap(), b"one");
    proxy.cut();
    assert!(echoed(&mut stream, b"two").await.is_err());
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(echoed(&mut stream, b"three").await.unwrap(), b"three");
}

#[tokio::test]
async fn in_silence_connections_stay_open_and_nothing_passes_until_it_heals() {
    let proxy = TcpProxy::start(echo_server().await).await;
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(echoed(&mut old, b"before").await.unwrap(), b"before");
    proxy.silence();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    for stream in [&mut old, &mut new] {
        stream.write_all(b"during").await.unwrap();
        assert!(timeout(SHORT, stream.read_u8()).await.is_err(), "something came through the silence");
    }
    proxy.heal().await;
    for stream in [&mut old, &mut new] {
        let mut answer = [0; 6];
        timeout(LONG, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"during");
    }
}

#[tokio::test]
async fn refused_connections_are_refused_at_once_and_the_port_stays_the_same() {
    let proxy = TcpProxy::start(echo_server().await).await;
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(echoed(&mut old, b"x").await.unwrap(), b"x");
    for _ in 0..3 {
        proxy.refuse().await;
        let error = timeout(LONG, TcpStream::connect(proxy.address())).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        proxy.heal().await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(echoed(&mut stream, b"again").await.unwrap(), b"again");
    }
    assert!(echoed(&mut old, b"y").await.is_err());
}
