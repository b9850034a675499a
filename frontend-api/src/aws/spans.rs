//! The spans of calls to AWS.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use causeway_common::telemetry::trace::{Call, Client};

/// Makes a call to one of AWS's services within a span, if the request that it belongs to is traced. `node` is the name
/// of the service's node in X-Ray.
///
/// # Errors
/// The SDK's.
pub async fn traced<T, E: ProvideErrorMetadata, R>(
    node: &'static str,
    operation: &'static str,
    call: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<T, SdkError<E, R>> {
    let mut span = Client::start(|| Call {
        name: format!("{node} {operation}").into(),
        peer: node.to_owned(),
        attributes: vec![
            ("rpc.system", "aws-api".into()),
            ("rpc.service", node.into()),
            ("rpc.method", operation.into()),
        ],
    });
    let result = call.await;
    match &result {
        Ok(_) => span.succeeded(),
        Err(error) => span.failed(|| kind(error).to_owned()),
    }
    result
}

fn kind<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    match error {
        SdkError::ServiceError(answer) => answer.err().code().unwrap_or("service"),
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "network",
        _ => "other",
    }
}
