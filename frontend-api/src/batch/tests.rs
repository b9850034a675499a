//! Every request gets exactly one outcome, and the outcome tells the truth about the work.
//!
//! Each test is the far end itself and decides when it takes, answers or drops a batch. No test waits for time to pass
//! except where a deadline is what it tests, and there the result is the same however slow the machine is.

use std::pin::{Pin, pin};
use std::time::Duration;

use causeway_common::telemetry::trace;
use futures_util::future::join_all;
use futures_util::{FutureExt, poll};

use super::batcher::ends;
use super::pace::{Pace, Served};
use super::{Batch, Batcher, Inbox, Rejected, paced, request, shared};

mod crowds;

const CAPACITY: usize = 1024;
const NEVER: Duration = Duration::from_secs(3600);
/// The first poll of a request with this deadline has both effects: it is queued, and it is late.
const AT_ONCE: Duration = Duration::ZERO;

type Outcome = Result<u32, Rejected<&'static str>>;
type Queue = (Batcher<u32, u32, &'static str>, Inbox<u32, u32, &'static str>);

fn queue(deadline: Duration) -> Queue {
    paced(CAPACITY, deadline)
}

/// Queues these requests, in order, and returns what waits for their outcomes.
async fn submitted(
    batcher: &Batcher<u32, u32, &'static str>,
    questions: std::ops::Range<u32>,
) -> Vec<Pin<Box<dyn Future<Output = Outcome>>>> {
    let mut waiting = Vec::new();
    for question in questions {
        let batcher = batcher.clone();
        let mut outcome = async move { batcher.submit(question, trace::Context::default()).await }.boxed_local();
        assert!(poll!(&mut outcome).is_pending(), "{question} has an outcome before it was served");
        waiting.push(outcome);
    }
    waiting
}

fn live(batch: &mut Batch<u32, u32, &'static str>) -> Vec<u32> {
    batch.live().copied().collect()
}

#[tokio::test]
async fn requests_that_wait_together_are_one_batch_and_each_gets_its_own_answer() {
    let (batcher, mut inbox) = queue(NEVER);
    let waiting = submitted(&batcher, 0..64).await;
    let mut batch = inbox.next().await.unwrap();
    assert_eq!(live(&mut batch), (0..64).collect::<Vec<_>>());
    assert_eq!(batch.traces().count(), 64);
    let answers: Vec<_> = batch.live().map(|n| if n % 2 == 0 { Ok(n * 10) } else { Err("odd") }).collect();
    batch.answer_each(answers);
    for (n, outcome) in (0..).zip(join_all(waiting).await) {
        assert_eq!(outcome, if n % 2 == 0 { Ok(n * 10) } else { Err(Rejected::Failed("odd")) });
    }
}

#[tokio::test]
async fn a_batch_has_its_limit_and_the_rest_comes_next() {
    let (batcher, mut inbox) = queue(NEVER);
    let _waiting = submitted(&batcher, 0..600).await;
    assert_eq!(inbox.next().await.unwrap().live().len(), 512);
    assert_eq!(inbox.next().await.unwrap().live().len(), 88);
}

#[tokio::test]
async fn a_batch_is_no_larger_than_its_pace_allows() {
    let pace = Pace::adaptive(CAPACITY, Duration::from_secs(5));
    let took = Duration::from_millis(5);
    pace.adapt(&Served { len: 1, waited: took, worked: took });
    let allowed = pace.batch();
    let (batcher, mut inbox) = ends::<u32, u32, &str>(CAPACITY, NEVER, pace);
    let _waiting = submitted(&batcher, 0..100).await;
    assert_eq!((allowed, inbox.next().await.unwrap().live().len()), (40, 40));
}

#[tokio::test]
async fn a_full_queue_rejects_at_once_and_serves_what_it_holds() {
    let (batcher, mut inbox) = paced::<u32, u32, &str>(2, NEVER);
    let waiting = submitted(&batcher, 0..2).await;
    assert_eq!(batcher.submit(2, trace::Context::default()).await, Err(Rejected::Full));
    inbox.next().await.unwrap().answer_all(Ok(7));
    assert_eq!(join_all(waiting).await, [Ok(7), Ok(7)]);
}

#[tokio::test]
async fn a_batch_that_took_too_long_shortens_the_queue() {
    // Any time is too long for a deadline of zero.
    let (batcher, mut inbox) = ends::<u32, u32, &str>(CAPACITY, NEVER, Pace::adaptive(CAPACITY, AT_ONCE));
    let waiting = submitted(&batcher, 0..64).await;
    inbox.next().await.unwrap().answer_all(Ok(7));
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    let _waiting = submitted(&batcher, 0..32).await;
    assert_eq!(batcher.submit(32, trace::Context::default()).await, Err(Rejected::Full));
}

#[tokio::test]
async fn while_the_far_end_is_behind_a_request_that_waited_too_long_is_rejected_before_its_work() {
    let (batcher, mut inbox) = ends::<u32, u32, &str>(CAPACITY, NEVER, Pace::behind(CAPACITY));
    let waiting = submitted(&batcher, 0..3).await;
    drop(batcher);
    let (batch, outcomes) = tokio::join!(inbox.next(), join_all(waiting));
    assert!(batch.is_none());
    assert_eq!(outcomes, [Err(Rejected::Full), Err(Rejected::Full), Err(Rejected::Full)]);
}

#[tokio::test]
async fn a_request_that_is_late_in_the_queue_is_never_served() {
    let (batcher, mut inbox) = queue(AT_ONCE);
    let outcome = batcher.submit(1, trace::Context::default()).await;
    assert_eq!(outcome, Err(Rejected::Late { in_flight: false }));
    let mut batch = inbox.next().await.unwrap();
    assert_eq!(live(&mut batch), [0; 0]);
}

#[tokio::test]
async fn a_request_that_is_late_in_flight_is_told_so() {
    let (batcher, mut inbox) = queue(Duration::from_millis(20));
    // The deadline can pass at any moment from here on, but the request learns of it only when it is polled again.
    let mut waiting = submitted(&batcher, 1..2).await;
    let mut batch = inbox.next().await.unwrap();
    assert_eq!(live(&mut batch), [1]);
    assert_eq!(waiting.remove(0).await, Err(Rejected::Late { in_flight: true }));
    assert_eq!(live(&mut batch), [0; 0], "the second attempt of a split batch leaves it out");
}

#[test]
fn an_answer_that_arrives_with_the_deadline_counts() {
    let (request, ticket) = request::new::<u32, u32, &str>(1, trace::Context::default());
    assert!(request.begin());
    request.answer(Ok(7));
    assert_eq!(ticket.late(), Ok(7));
}

#[tokio::test]
async fn a_caller_that_leaves_the_queue_is_not_served_and_its_neighbours_are() {
    let (batcher, mut inbox) = queue(NEVER);
    let mut waiting = submitted(&batcher, 0..4).await;
    drop(waiting.remove(1));
    let mut batch = inbox.next().await.unwrap();
    assert_eq!(live(&mut batch), [0, 2, 3]);
    // One leaves while its work is done.
    drop(waiting.remove(2));
    batch.answer_each([Ok(0), Ok(2), Ok(3)]);
    assert_eq!(join_all(waiting).await, [Ok(0), Ok(2)]);
}

#[tokio::test]
async fn the_parts_of_a_split_batch_are_answered_apart() {
    let (batcher, mut inbox) = queue(NEVER);
    let waiting = submitted(&batcher, 0..5).await;
    let (mut first, mut second) = inbox.next().await.unwrap().split();
    assert_eq!((live(&mut first), live(&mut second)), (vec![0, 1], vec![2, 3, 4]));
    second.answer_all(Err("refused"));
    first.answer_all(Ok(1));
    let refused = || Err(Rejected::Failed("refused"));
    assert_eq!(join_all(waiting).await, [Ok(1), Ok(1), refused(), refused(), refused()]);
}

#[tokio::test]
async fn requests_without_an_answer_are_lost_and_know_whether_their_work_had_begun() {
    let (batcher, mut inbox) = queue(NEVER);
    let waiting = submitted(&batcher, 0..4).await;
    let (mut begun, not_begun) = inbox.next().await.unwrap().split();
    live(&mut begun);
    begun.answer_each([Ok(0)]);
    drop(not_begun);
    let lost = |in_flight| Err(Rejected::Lost { in_flight });
    assert_eq!(join_all(waiting).await, [Ok(0), lost(true), lost(false), lost(false)]);
}

#[tokio::test]
async fn when_the_far_end_panics_its_batch_and_the_queue_are_lost_and_no_further_request_is_taken() {
    let (batcher, mut inbox) = queue(NEVER);
    let in_flight = submitted(&batcher, 0..2).await;
    let mut batch = inbox.next().await.unwrap();
    let queued = submitted(&batcher, 2..4).await;
    let far_end = tokio::spawn(async move {
        let _inbox = inbox;
        live(&mut batch);
        panic!("as a bug would");
    });
    assert!(far_end.await.unwrap_err().is_panic());
    let lost = |in_flight| Err(Rejected::Lost { in_flight });
    assert_eq!(join_all(in_flight).await, [lost(true), lost(true)]);
    assert_eq!(join_all(queued).await, [lost(false), lost(false)]);
    assert_eq!(batcher.submit(4, trace::Context::default()).await, lost(false));
}

#[tokio::test]
async fn at_shutdown_requests_in_flight_and_in_the_queue_are_served_before_the_far_end_ends() {
    let (batcher, mut inbox) = queue(NEVER);
    let mut waiting = submitted(&batcher, 0..2).await;
    let mut batch = inbox.next().await.unwrap();
    live(&mut batch);
    waiting.extend(submitted(&batcher, 2..4).await);
    drop(batcher);
    batch.answer_all(Ok(1));
    let far_end = async {
        while let Some(batch) = inbox.next().await {
            batch.answer_all(Ok(2));
        }
    };
    // The requests hold the near end themselves, as handlers do.
    let (outcomes, ()) = tokio::join!(join_all(waiting), far_end);
    assert_eq!(outcomes, [Ok(1), Ok(1), Ok(2), Ok(2)]);
}

#[tokio::test]
async fn a_queue_whose_requests_share_one_answer_never_gives_up_on_one() {
    let (batcher, mut inbox) = shared::<u32, u32, &str>(CAPACITY, NEVER);
    let waiting = submitted(&batcher, 0..3).await;
    inbox.next().await.unwrap().answer_all(Ok(1));
    assert_eq!(join_all(waiting).await, [Ok(1), Ok(1), Ok(1)]);
}

#[tokio::test]
async fn work_waits_a_turn_for_more_of_it_and_a_shared_answer_does_not() {
    let (batcher, mut inbox) = shared::<u32, u32, &str>(CAPACITY, NEVER);
    let _waiting = submitted(&batcher, 0..3).await;
    assert_eq!(inbox.next().now_or_never().unwrap().unwrap().live().len(), 3);
    let (batcher, mut inbox) = queue(NEVER);
    let _waiting = submitted(&batcher, 0..3).await;
    let mut next = pin!(inbox.next());
    assert!(poll!(&mut next).is_pending());
    let mut more = Vec::new();
    for question in 3..8 {
        // As long as each turn brings a request, the batch is not complete.
        more.extend(submitted(&batcher, question..question + 1).await);
        assert!(poll!(&mut next).is_pending(), "{question}");
    }
    assert_eq!(next.await.unwrap().live().len(), 8);
}
