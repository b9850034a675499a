//! Extractors that read a whole body, within the limits of its route, and parse it.

use std::borrow::Cow;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::limits::{BodyError, BodyStream};
use super::problem::{FieldError, Problem};

const NO_OBJECT: &str = "The body is not a JSON object with the fields that /docs shows.";

/// A body in JSON: an object.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A body that an HTML form without files sends.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let whole = read_if(request, payload, "application/json");
        Box::pin(async move { Ok(Self(parse_json(&whole.await?)?)) })
    }
}

impl<T: DeserializeOwned> FromRequest for Form<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let whole = read_if(request, payload, "application/x-www-form-urlencoded");
        Box::pin(async move { Ok(Self(parse_form(&whole.await?)?)) })
    }
}

impl BodyStream {
    /// Reads the whole body as JSON.
    ///
    /// # Errors
    /// As [`Self::read`], and when it is not such JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, BodyError> {
        parse_json(&self.read().await?)
    }
}

fn read_if(
    request: &HttpRequest,
    payload: &mut Payload,
    media_type: &'static str,
) -> impl Future<Output = Result<Bytes, BodyError>> + use<> {
    let sent = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = sent.split(';').next().is_some_and(|sent| sent.trim().eq_ignore_ascii_case(media_type));
    let body = fits.then(|| BodyStream::new(request, payload.take()));
    async move { body.ok_or(BodyError::MediaType(media_type))?.read().await }
}

/// Parses an object. serde would also take an array of its values.
fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(BodyError::Malformed(NO_OBJECT.into()));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(&path, error.inner())
    })?;
    json.end().map_err(|error| refused(".", &error))?;
    Ok(value)
}

/// serde's messages quote values, which may be passwords: only the field and the sort of mistake are kept.
fn refused(path: &str, error: &serde_json::Error) -> BodyError {
    if !error.is_data() {
        let place = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
        return BodyError::Malformed(place.into());
    }
    let text = error.to_string();
    // serde_json has no other way to distinguish these mistakes.
    let named = |prefix: &str| text.strip_prefix(prefix)?.split('`').next().map(str::to_owned);
    let inside = |name: String| if path == "." { name } else { format!("{path}.{name}") };
    let field = if let Some(name) = named("missing field `") {
        FieldError::new(inside(name), "is missing")
    } else if let Some(name) = named("duplicate field `") {
        FieldError::new(inside(name), "appears twice")
    } else if path == "." {
        return BodyError::Malformed(NO_OBJECT.into());
    } else if text.starts_with("unknown field `") {
        FieldError::new(path.to_owned(), "is unknown")
    } else {
        FieldError::new(path.to_owned(), "does not have the type that /docs shows")
    };
    BodyError::Fields(vec![field])
}

fn parse_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    let malformed = |detail| BodyError::Malformed(Cow::Borrowed(detail));
    let text = std::str::from_utf8(body).map_err(|_| malformed("The form is not UTF-8."))?;
    let parsed = web::Query::<T>::from_query(text);
    parsed.map(web::Query::into_inner).map_err(|_| malformed("The form lacks a field or has an unknown one."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Failure;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct SignUp {
        name: String,
        age: u8,
    }

    #[test]
    fn a_refused_body_names_the_field_and_never_repeats_the_value() {
        let table = [
            (r#"{"name":"a"}"#, "age is missing"),
            (r#"{"name":12345678,"age":1}"#, "name does not have the type that /docs shows"),
            (r#"{"name":"secret","age":"secret"}"#, "age does not have the type that /docs shows"),
            (r#"{"name":"a","age":1,"role":"secret"}"#, "role is unknown"),
            (r#"{"name":"a","name":"secret","age":1}"#, "name appears twice"),
        ];
        for (body, expected) in table {
            let Err(BodyError::Fields(fields)) = parse_json::<SignUp>(body.as_bytes()) else { panic!("{body}") };
            assert_eq!(format!("{} {}", fields[0].field, fields[0].detail), expected, "{body}");
        }
        for body in [r#""secret""#, "[]", r#" ["secret",1]"#, "", "{", r#"{"name":"secret","age":1}x"#, "\u{feff}{}"] {
            let error = parse_json::<SignUp>(body.as_bytes()).unwrap_err();
            assert!(matches!(error, BodyError::Malformed(_)), "{body}: {error:?}");
            assert!(!error.detail().contains("secret"), "{body}: {error:?}");
        }
    }
}
