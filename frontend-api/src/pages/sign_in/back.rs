//! Where somebody goes after signing in: back to the page that asked for it.

use std::borrow::Cow;

use actix_web::HttpRequest;

use crate::pages::{ACCOUNT, DIARY, HOME, SIGN_IN, USERS};

/// Returns the address of the form that signs in and then leads back to the page of this request.
pub(in crate::pages) fn sign_in_and_back(request: &HttpRequest) -> String {
    match page_of(request.path()) {
        Some(page) => format!("{SIGN_IN}?next={page}"),
        None => SIGN_IN.to_owned(),
    }
}

/// Returns the page on which somebody was who sent a form to `path`, or asked for it.
pub(in crate::pages) fn page_of(path: &str) -> Option<Cow<'static, str>> {
    let entry = path.strip_prefix(DIARY).and_then(|rest| rest.strip_prefix('/'));
    if let Some(id) = entry.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(format!("{DIARY}/{id}").into());
    }
    let is_below = |page: &&str| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    [DIARY, USERS, ACCOUNT].into_iter().find(is_below).map(Cow::Borrowed)
}

/// Returns where to go after signing in: a page for members, so that no link can lead to another site.
pub(super) fn destination(next: Option<&str>) -> Cow<'static, str> {
    next.and_then(page_of).unwrap_or(Cow::Borrowed(HOME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_a_page_for_members_and_never_elsewhere() {
        let table = [
            ("/app/account", "/app/account"),
            ("/app/account/sessions/7", "/app/account"),
            ("/app/diary/12", "/app/diary/12"),
            ("/app/diary/12/delete", "/app/diary"),
            ("/app/users", "/app/users"),
            ("/app/accounting", "/app"),
            ("https://elsewhere.example/app/diary", "/app"),
            ("//elsewhere.example", "/app"),
            ("", "/app"),
        ];
        for (next, expected) in table {
            assert_eq!(destination(Some(next)), expected, "{next}");
        }
        assert_eq!(destination(None), "/app");
    }
}
