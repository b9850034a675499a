//! Describes one part of the catalogue for the OpenAPI document. utoipa's attributes can't describe a generic handler.

use causeway_common::http::health::Status;
use causeway_common::http::problem::ProblemBody;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::schema::{Array, ComponentsBuilder, Schema};
use utoipa::openapi::{
    Content, Header, HttpMethod, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::records::Record;

/// Describes the three paths of a part.
pub fn describe<T: Record>() -> OpenApi {
    let [list, health, item] = T::PATHS;
    let (all, one) = (T::PART, T::NAME);
    let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
    let id = id.description(Some(format!("The {one}'s id"))).schema(Some(u64::schema()));
    let list_all = operation("catalogue", all, format!("All {all}, in the order of their ids."))
        .response("200", tagged(format!("All {all}"), Schema::Array(Array::new(reference::<T>())).into()))
        .response("304", unchanged());
    let show_one = operation("catalogue", one, format!("One {one}."))
        .parameter(id)
        .response("200", tagged(format!("The {one}"), reference::<T>()))
        .response("304", unchanged())
        .response("400", problem("The id is not a number".to_owned()))
        .response("404", problem(format!("No {one} has this id")));
    let summary = format!("Health of the instance that serves {all}, for the load balancer.");
    let check = operation("health", &format!("{all}_health"), summary)
        .response("200", response("The records are loaded".to_owned(), "application/json", reference::<Status>()));
    let paths = PathsBuilder::new().path(list, get(list_all)).path(health, get(check)).path(item, get(show_one));
    let components = ComponentsBuilder::new().schema_from::<T>().build();
    OpenApiBuilder::new().paths(paths).components(Some(components)).build()
}

fn operation(tag: &str, id: &str, summary: String) -> OperationBuilder {
    OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary))
}

fn get(operation: OperationBuilder) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

fn response(description: String, content_type: &str, schema: RefOr<Schema>) -> ResponseBuilder {
    ResponseBuilder::new().description(description).content(content_type, Content::new(Some(schema)))
}

fn tagged(description: String, schema: RefOr<Schema>) -> ResponseBuilder {
    let mut tag = Header::new(String::schema());
    tag.description = Some("Changes with the data".to_owned());
    response(description, "application/json", schema).header("ETag", tag)
}

fn unchanged() -> Response {
    Response::new("`If-None-Match` names the current ETag")
}

fn problem(description: String) -> ResponseBuilder {
    response(description, "application/problem+json", reference::<ProblemBody>())
}
