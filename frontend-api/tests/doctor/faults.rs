//! Every fault that the doctor distinguishes, each made for real: one row, one test.

use crate::helpers::Run;
use crate::{dns, login, private_service, query, ready, secrets, tcp, tls, wire};

/// Declares the table. A row is a code and what makes its fault; `None` where there can be no network.
macro_rules! faults {
    ($($code:literal: $module:ident::$function:ident,)*) => {
        /// The code of every row.
        pub const CODES: &[&str] = &[$($code),*];
        $(#[tokio::test]
        async fn $function() {
            prove($code, $module::$function().await);
        })*
    };
}

/// The report of the fault names its code.
fn prove(code: &str, run: Option<Run>) {
    let Some(run) = run else { return };
    let named = run.codes();
    assert!(named.contains(&code), "{code} is not in {named:?}: {:#}", run.report);
}

faults! {
    "region-missing": secrets::nothing_names_the_region,
    "region-mismatch": secrets::the_secret_is_in_another_region,
    "region-unknown": dns::a_misspelt_region_has_no_secrets_manager,
    "credentials-missing": secrets::there_are_no_credentials,
    "credentials-rejected": secrets::the_credentials_are_not_accepted,
    "secret-access-denied": secrets::the_role_may_not_read_the_secret,
    "secret-kms-denied": secrets::the_role_may_not_use_the_key,
    "secret-not-found": secrets::there_is_no_such_secret,
    "secret-disabled": secrets::the_key_is_disabled,
    "secret-not-json": secrets::the_secret_is_not_json,
    "secret-lacks-key": secrets::the_secret_lacks_a_key,
    "secret-unreadable": secrets::secrets_manager_itself_fails,
    "name-not-found": dns::a_database_name_that_does_not_exist_and_the_zone_that_says_so,
    "cloud-map-name-not-found": dns::a_private_service_that_cloud_map_does_not_know,
    "name-without-address": dns::a_name_with_records_of_other_types_alone,
    "resolver-silent": dns::a_resolver_that_is_silent_about_one_name,
    "resolver-failed": dns::a_resolver_that_fails_or_refuses_for_one_name,
    "database-public-address": dns::a_database_name_that_resolves_to_a_public_address_is_asked_from_outside_its_vpc,
    "database-timed-out": tcp::packets_to_the_database_are_dropped,
    "private-service-timed-out": tcp::packets_to_the_private_service_are_dropped,
    "private-endpoint-timed-out": tcp::packets_to_another_private_address_are_dropped,
    "public-endpoint-timed-out": tcp::packets_to_one_public_address_are_dropped_while_another_answers,
    "refused": tcp::the_database_refuses,
    "no-route": tcp::no_route_leads_to_the_address,
    "some-addresses-fail": tcp::some_addresses_of_a_name_answer_and_the_walk_goes_on,
    "silent-after-connect": wire::it_is_silent_when_somebody_logs_in,
    "closed-after-connect": wire::it_closes_the_connection_when_somebody_logs_in,
    "not-postgres": wire::it_is_an_http_server,
    "tls-not-offered": tls::the_server_does_not_offer_tls,
    "tls-unknown-authority": tls::the_certificate_is_of_another_authority,
    "tls-expired": tls::the_certificate_has_expired,
    "tls-wrong-name": tls::the_certificate_is_for_another_name,
    "tls-failed": tls::the_server_speaks_versions_of_tls_that_are_too_old,
    "password-refused": login::the_password_of_the_environment_is_wrong,
    "secret-and-database-differ": secrets::the_secrets_password_is_not_the_databases,
    "user-unknown": login::an_unknown_user_where_the_server_tells,
    "encryption-required": tls::the_server_wants_tls_and_db_sslmode_forbids_it,
    "no-pg-hba-entry": login::a_server_without_tls_that_has_no_rule_for_this_user,
    "login-refused": login::a_database_that_takes_no_connections,
    "database-missing": login::there_is_no_such_database,
    "too-many-connections": login::every_connection_of_the_server_is_taken,
    "database-starting": login::the_database_is_starting_up_and_then_it_is_there,
    "login-failed": login::a_session_that_can_not_be_set_up,
    "table-missing": query::the_table_is_not_there,
    "permission-denied": query::the_role_may_not_write_to_the_table,
    "table-differs": query::the_table_lacks_a_column,
    "visit-refused": query::a_deferred_trigger_refuses_the_visit,
    "disk-full": query::the_disk_is_full,
    "migration-failed": ready::the_service_may_not_make_its_tables,
    "service-not-ready": ready::the_service_gives_up_before_it_is_connected,
    "slow-query": query::another_session_has_locked_the_table_and_the_doctors_own_ends,
    "query-failed": query::what_is_named_like_the_table_fails,
    "read-only-replica": query::a_writer_that_was_demoted,
    "read-only": query::a_database_that_takes_no_writes,
    "http-not-found": private_service::it_does_not_know_the_path,
    "http-failed": private_service::it_answers_with_an_error_or_a_redirect,
    "http-slow": private_service::it_does_not_answer_in_time,
    "http-broken": private_service::what_listens_there_closes_the_connection,
    "task-metadata-missing": private_service::it_can_not_read_its_own_metadata,
    "identity-not-json": private_service::its_answer_is_endless,
    "no-name-resolves": dns::a_resolver_that_is_silent_about_all_names_is_one_fault,
    "everything-times-out": tcp::everything_times_out_though_names_resolve,
    "public-times-out": tcp::all_public_addresses_time_out_while_private_ones_answer,
}
