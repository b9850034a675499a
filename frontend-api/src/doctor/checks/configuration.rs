//! The configuration itself, if it has mistakes.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};

use crate::doctor::Check;
use crate::doctor::causes::CONFIGURATION_WRONG;
use crate::doctor::report::CheckReport;
use crate::doctor::stage::StageName;
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Walk};

/// Nothing is waited for.
const STAGE_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct ConfigurationCheck {
    /// Each variable and what is wrong with it.
    pub(super) mistakes: String,
}

impl Check for ConfigurationCheck {
    fn subject(&self) -> &Subject {
        &Subject::Configuration
    }

    fn run(&self, deadline: Instant) -> BoxFuture<'_, CheckReport> {
        async move {
            let mut walk = Walk::new(Subject::Configuration, &[StageName::Configuration], deadline);
            let wrong = async { Err(Fault::new(&CONFIGURATION_WRONG, self.mistakes.as_str())) };
            walk.stage::<()>(StageName::Configuration, STAGE_LIMIT, &CONFIGURATION_WRONG, wrong).await;
            walk.finish()
        }
        .boxed()
    }
}
