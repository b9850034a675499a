//! Which route took a request, noted where `observe` finds it even if a middleware fails: the error keeps no request.

use std::cell::OnceCell;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage};

use super::metrics::RouteMetrics;

/// The note of one request. `observe` makes it, and the route that takes the request fills it in.
#[derive(Clone, Default)]
pub(super) struct Matched(Rc<OnceCell<Rc<RouteMetrics>>>);

impl Matched {
    /// Returns the route, if one has taken the request.
    pub(super) fn route(&self) -> Option<&RouteMetrics> {
        self.0.get().map(Rc::as_ref)
    }
}

/// Fills the note in before anything else of a route runs.
pub(super) struct Note(pub(super) Rc<RouteMetrics>);

impl<S, B> Transform<S, ServiceRequest> for Note
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Noted<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Noted { service, route: self.0.clone() }))
    }
}

/// A route whose requests are noted.
pub(super) struct Noted<S> {
    service: S,
    route: Rc<RouteMetrics>,
}

impl<S, B> Service<ServiceRequest> for Noted<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> S::Future {
        if let Some(matched) = request.extensions().get::<Matched>() {
            self.route.learn_template(request.request());
            // Another route cannot have taken the same request.
            let _ = matched.0.set(self.route.clone());
        }
        self.service.call(request)
    }
}
