//! Limits the memory of large answers whose clients read slowly or never.
//!
//! A form that is refused comes back with what was typed, and a list has the texts of its entries. One such answer is at most
//! a few MB, but each caller can wait with its own.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use bytes::Bytes;

use super::problem::{Problem, TOO_MUCH_UNREAD};
use super::room::{Budget, Room};
use super::slices::Slices;

/// Bytes of an answer that counts. Many times as many connections as a process can have are needed to fill its memory with
/// smaller ones.
const LARGE: u64 = 64 * 1024;
/// Bytes of all large answers in this process.
const MOST: usize = 32 * 1024 * 1024;

static FREE: Budget = Budget::new(MOST);

/// An answer that occupies its part of the limit until its last slice is taken.
struct Counted {
    slices: Slices,
    _room: Room,
}

impl MessageBody for Counted {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.slices.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Pin::new(&mut self.slices).poll_next(context)
    }
}

/// Counts a large answer. If there is no room for it, it becomes a 503, unless it says that something was done.
pub(super) fn limited<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    if !matches!(response.response().body().size(), BodySize::Sized(bytes) if bytes > LARGE) {
        return response.map_into_left_body();
    }
    let (request, response) = response.into_parts();
    let can_be_replaced = request.method().is_safe() || !response.status().is_success();
    let (head, body) = response.into_parts();
    // What is made while it is sent, or shared by all who read it, is not counted.
    let whole = match body.try_into_bytes() {
        Ok(whole) => whole,
        Err(body) => return ServiceResponse::new(request, head.set_body(EitherBody::left(body))),
    };
    let mut room = Room::default();
    if !FREE.grow(&mut room, whole.len()) && can_be_replaced {
        let problem = Problem::new(&TOO_MUCH_UNREAD, TOO_MUCH_UNREAD.meaning);
        return ServiceResponse::new(request, HttpResponse::from_error(problem)).map_into_right_body();
    }
    let body = BoxBody::new(Counted { slices: Slices::new(whole), _room: room });
    ServiceResponse::new(request, head.set_body(EitherBody::right(body)))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    use super::*;

    fn answer(request: TestRequest, status: StatusCode, bytes: usize) -> ServiceResponse<EitherBody<BoxBody, BoxBody>> {
        let response = HttpResponse::build(status).body(vec![b'x'; bytes]);
        limited(ServiceResponse::new(request.to_http_request(), response))
    }

    #[actix_web::test]
    async fn an_answer_that_has_no_room_beside_the_unread_ones_is_refused_until_they_are_read() {
        const LENGTH: usize = 4 * 1024 * 1024;
        let get = |bytes| answer(TestRequest::get(), StatusCode::OK, bytes);
        let mut unread: Vec<_> = (0..MOST / LENGTH).map(|_| get(LENGTH)).collect();
        assert!(unread.iter().all(|answer| answer.status() == StatusCode::OK));
        assert_eq!(get(LENGTH).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(get(64 * 1024).status(), StatusCode::OK, "it is not large");
        let form = answer(TestRequest::post(), StatusCode::UNAUTHORIZED, LENGTH);
        assert_eq!(form.status(), StatusCode::SERVICE_UNAVAILABLE);
        let done = answer(TestRequest::post(), StatusCode::CREATED, LENGTH);
        assert_eq!(done.status(), StatusCode::CREATED, "what was done is not denied");

        let (_, response) = unread.remove(0).into_parts();
        let (_, mut body) = response.into_parts();
        let mut read = 0;
        while let Some(slice) = poll_fn(|context| Pin::new(&mut body).poll_next(context)).await {
            read += slice.map_err(|_| "never fails").unwrap().len();
        }
        drop(body);
        assert_eq!(read, LENGTH);
        assert_eq!(get(LENGTH).status(), StatusCode::OK);
    }
}
