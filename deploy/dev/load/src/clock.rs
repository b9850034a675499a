//! A clock that rings at a fixed rate. Its thread sleeps with the precision of the kernel. The timers of tokio count in
//! milliseconds, in each of which a load may send dozens of requests.

use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Returns a receiver of the moments at which requests are due. The clock stops when the receiver is dropped.
pub(crate) fn start(per_second: u32) -> UnboundedReceiver<Instant> {
    let (sender, moments) = unbounded_channel();
    spawn(move || {
        let begun = Instant::now();
        for number in 0_u32.. {
            let moment = begun + Duration::from_secs_f64(f64::from(number) / f64::from(per_second));
            sleep(moment.saturating_duration_since(Instant::now()));
            if sender.send(moment).is_err() {
                break;
            }
        }
    });
    moments
}
