//! Crowds of callers in threads of their own, and a far end that answers, splits and drops batches in a random order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::*;

const CROWDS: u32 = 3;
/// The requests of one thread.
const CROWD: u32 = 500;

/// What became of the work for each request, as the far end knows it.
type Work = Arc<Mutex<HashMap<u32, u32>>>;

/// A far end that answers some batches, splits some and drops some, in an order that the seed decides.
async fn moody(mut inbox: Inbox<u32, u32, &'static str>, work: Work, mut seed: u64) {
    while let Some(mut batch) = inbox.next().await {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if seed >> 61 == 0 {
            continue;
        }
        for question in live(&mut batch) {
            *work.lock().unwrap().entry(question).or_default() += 1;
        }
        tokio::task::yield_now().await;
        match seed >> 61 {
            1 => drop(batch),
            2 => batch.answer_all(Err("failed")),
            3 => {
                let (first, second) = batch.split();
                first.answer_all(Ok(0));
                drop(second);
            }
            _ => batch.answer_all(Ok(0)),
        }
    }
}

/// Submits requests with all kinds of patience, and returns those that ended and how.
async fn crowd(batchers: [Batcher<u32, u32, &'static str>; 3], first: u32) -> Vec<(u32, Outcome)> {
    let one = async |n: u32| {
        let batcher = &batchers[n as usize % batchers.len()];
        let mut outcome = pin!(batcher.submit(n, trace::Context::default()));
        if n.is_multiple_of(7) {
            // Leaves after a few turns.
            for _ in 0..n % 5 {
                if let std::task::Poll::Ready(outcome) = poll!(&mut outcome) {
                    return Some((n, outcome));
                }
                tokio::task::yield_now().await;
            }
            return None;
        }
        Some((n, outcome.await))
    };
    join_all((first..first + CROWD).map(one)).await.into_iter().flatten().collect()
}

#[test]
fn an_outcome_says_that_the_work_was_not_done_only_when_it_was_not_whatever_happens() {
    (0..8).for_each(outcomes_tell_the_truth);
}

#[test]
#[ignore = "takes ten seconds: make test-long"]
fn a_million_requests_whose_callers_leave_at_random_have_one_outcome_each_and_it_is_true() {
    (0..1_000_000 / (CROWDS * CROWD)).for_each(|seed| outcomes_tell_the_truth(seed.into()));
}

/// Runs crowds in threads of their own against one far end, and compares what they were told with what it did.
fn outcomes_tell_the_truth(seed: u64) {
    let (batcher, inbox) = ends(CAPACITY, NEVER, Pace::adaptive(CAPACITY, NEVER));
    let batchers = [NEVER, Duration::from_millis(1), AT_ONCE].map(|deadline| batcher.with_deadline(deadline));
    drop(batcher);
    let work = Work::default();
    let near: Vec<_> = (0..CROWDS)
        .map(|thread| {
            let batchers = batchers.clone();
            std::thread::spawn(move || block_on(crowd(batchers, thread * CROWD)))
        })
        .collect();
    drop(batchers);
    block_on(moody(inbox, work.clone(), seed));
    let outcomes: Vec<_> = near.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let work = work.lock().unwrap();
    for (n, outcome) in outcomes {
        let times = work.get(&n).copied().unwrap_or_default();
        let expected = match outcome {
            Ok(_) | Err(Rejected::Failed(_)) => 1,
            Err(Rejected::Full) => 0,
            Err(Rejected::Late { in_flight } | Rejected::Lost { in_flight }) => u32::from(in_flight),
        };
        assert_eq!(times, expected, "seed {seed}, request {n}: {outcome:?}");
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
