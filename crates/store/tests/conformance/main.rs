//! The store, on SQLite and on PostgreSQL: every case runs on both.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod audit;
mod backup;
mod catalog;
mod changes;
mod credentials;
mod history;
mod machines;
mod people;
mod place;
mod schema;
mod scores;
mod small_disk;
mod software;
mod tasks;
mod tenants;
mod trouble;

/// Makes of each case a test on either database.
macro_rules! on_both {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::$module::$case(crate::place::Place::sqlite()).await;
            })*)*
        }
        mod postgres {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::$module::$case(crate::place::Place::postgres()).await;
            })*)*
        }
    };
}

on_both! {
    catalog: revisions_of_a_document_are_kept, the_number_is_raised_by_changes_alone, texts_are_ordered_by_their_bytes;
    tenants: applications_and_keys_are_kept, enrollment_secrets_are_kept;
    credentials: applications_change, an_application_has_several_credentials, an_assertion_counts_once;
    audit: records_are_kept_and_found, records_are_added_once, old_records_are_dropped;
    machines: a_machine_is_read_as_it_was_written, only_who_read_the_row_writes_it, seen_changes_the_times_alone,
        a_call_has_one_number, many_machines_of_any_size, labels_are_changed, values_and_exclusions_are_kept, tags_are_replaced,
        machines_are_removed,
        tenants_do_not_see_each_other, a_snapshot_does_not_see_later_writes, snapshots_go_on_beside_each_other,
        what_cannot_be_kept_is_refused;
    changes: changes_are_told_in_order, two_servers_lose_nothing, trimmed_changes_are_told, a_long_log_is_told_in_parts;
    history: states_are_kept_when_they_change, leaving_and_coming_back_are_kept, trimming_keeps_the_state_in_force, findings_are_kept_once;
    software: numbers_are_dense_and_stay, two_servers_give_the_same_numbers;
    tasks: a_task_is_read_as_it_was_created, creating_a_task_again_does_no_harm, a_status_is_changed_by_who_knows_it,
        tasks_have_an_order_and_a_tenant, a_task_that_cannot_be_kept_is_refused;
    scores: an_hour_has_one_score, scores_are_told_since_a_moment, what_is_no_score_is_refused;
    people: users_are_kept, wrong_passwords_lock_a_person_out, rights_are_those_of_all_groups,
        redirects_and_consents_are_kept, sessions_end, a_code_is_redeemed_once, refresh_tokens_rotate,
        devices_wait_until_they_are_let_in, what_has_ended_is_trimmed;
    schema: the_store_survives_reopening, a_newer_schema_is_refused, pending_migrations_change_nothing,
        two_servers_open_at_once, a_status_is_told;
}
