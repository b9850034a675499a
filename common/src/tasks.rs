//! Background tasks: they start and end together, and one that ends early ends the server with an error.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::timeout;

use crate::telemetry::trace;

/// How long [`Tasks::end`] waits for tasks that serve requests to finish what they hold.
pub(crate) const END_LIMIT: Duration = Duration::from_secs(1);

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tasks of a process. Dropping it ends them all.
#[derive(Default)]
pub struct Tasks {
    running: JoinSet<()>,
    /// Of the running tasks.
    names: Vec<(task::Id, &'static str)>,
    /// They start when their place is known.
    serving: Vec<(&'static str, BoxFuture)>,
    background: Vec<task::AbortHandle>,
    place: Place,
}

/// The runtime of the tasks that serve requests. With one worker it is the worker's, so that a request reaches the task
/// without waking another thread; otherwise it is the main thread's, because one of several workers can end early.
#[derive(Debug, Clone, Default)]
pub struct Place(Arc<OnceLock<Handle>>);

impl Place {
    /// Returns that runtime, or the caller's own before the server has started.
    ///
    /// # Panics
    /// Outside of a runtime before the server has started.
    pub fn runtime(&self) -> Handle {
        self.0.get().cloned().unwrap_or_else(Handle::current)
    }
}

impl From<Handle> for Place {
    fn from(runtime: Handle) -> Self {
        Self(Arc::new(runtime.into()))
    }
}

/// A task ended although the process still needs it.
#[derive(Debug, thiserror::Error)]
#[error("the task \"{name}\" ended unexpectedly")]
pub struct Ended {
    name: &'static str,
    #[source]
    panic: Option<JoinError>,
}

/// Runs the rest of a handler in a task, so that it is finished even if the client leaves: actix-web then drops the handler.
/// The task belongs to the same request and runs on the same thread. Dropping the returned future does not end it, so the
/// caller must bound the number of such tasks.
///
/// # Errors
/// If `work` panics.
///
/// # Panics
/// Outside of a handler.
pub async fn finish<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, JoinError> {
    actix_web::rt::spawn(trace::inherit(work)).await
}

impl Tasks {
    /// Starts a task that runs beside the server until the process stops. It can then end at any of its awaits.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.running.spawn(task);
        self.names.push((handle.id(), name));
        self.background.push(handle);
    }

    /// Adds a task that serves requests of handlers and ends by itself once no handler can submit any more. It starts
    /// in its [`Place`] when the server does.
    pub fn serve(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.serving.push((name, Box::pin(task)));
    }

    /// Where the tasks that serve requests run.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    /// Starts the tasks that serve requests on this runtime. Call it once.
    pub(crate) fn start_serving(&mut self, runtime: &Handle) {
        self.place.0.get_or_init(|| runtime.clone());
        for (name, task) in self.serving.drain(..) {
            let handle = self.running.spawn_on(task, runtime);
            self.names.push((handle.id(), name));
        }
    }

    /// Resolves when a task ends before [`Tasks::end`], which is a fault. Never resolves if there is no task.
    pub(crate) async fn ended(&mut self) -> Ended {
        match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => Ended { name: self.name(id), panic: None },
            Some(Err(error)) => Ended { name: self.name(error.id()), panic: Some(error) },
            None => std::future::pending().await,
        }
    }

    /// Ends the tasks: those beside the server at once, those that serve requests when they are done or after a second.
    ///
    /// # Errors
    /// When a task panicked.
    pub(crate) async fn end(mut self) -> Result<(), Ended> {
        for task in &self.background {
            task.abort();
        }
        let finish = async {
            while let Some(result) = self.running.join_next_with_id().await {
                if let Err(error) = result
                    && error.is_panic()
                {
                    return Err(Ended { name: self.name(error.id()), panic: Some(error) });
                }
            }
            Ok(())
        };
        timeout(END_LIMIT, finish).await.unwrap_or_else(|_| {
            tracing::warn!("a task that serves requests did not end in time");
            Ok(())
        })
    }

    fn name(&self, id: task::Id) -> &'static str {
        self.names.iter().find(|(known, _)| *known == id).map_or("unknown", |(_, name)| name)
    }
}
