//! Cubegate on a real Kubernetes API server: chart, operator, the retail example, edits, mistakes, outages, Prometheus.
//!
//! One control plane serves one story, told in steps; each step but the last leaves the cluster as it found it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod admission;
mod api_server_outage;
mod asking;
mod cluster;
mod edits;
mod first_steps;
mod mistakes;
mod operator_outage;
mod restarts;
mod rights;
mod scraping;
mod service_accounts;
mod status;
mod truth;

use cubegate_tests::{control_plane::ControlPlane, kubelet::Kubelet, process::RunDirectory, room, story::Story};

#[test]
fn the_example_is_served_edited_and_guarded_in_a_cluster() {
    room::enter("the_example_is_served_edited_and_guarded_in_a_cluster", async {
        let story = Story::begin("cubegate on a real API server");
        let run = RunDirectory::new().unwrap();
        let control_plane = ControlPlane::start(&run).await.unwrap();
        let kubelet = Kubelet::new(&control_plane, &run, cluster::images().unwrap());
        story.step("the control plane is ready");

        let mut cluster = first_steps::the_chart_installs_and_the_operator_runs(story, &control_plane, &kubelet).await;
        first_steps::the_example_becomes_children_with_owners(&cluster).await;
        first_steps::its_pod_runs_from_its_own_spec_and_status_says_so(&mut cluster).await;
        first_steps::the_published_tables_hold_to_the_digit(&cluster).await;
        first_steps::who_may_not_come_in_is_refused(&cluster).await;

        asking::a_cluster_is_explained_as_its_manifests_are(&cluster, &run).await;
        admission::bad_manifests_are_refused_with_sentences(&cluster).await;

        edits::a_changed_restriction_is_enforced_within_a_second(&cluster).await;
        edits::many_edits_fail_no_request(&cluster).await;
        edits::a_deleted_restriction_refuses_its_holders_and_nobody_else(&cluster).await;
        edits::an_unknown_column_refuses_its_holders_and_names_the_nearest(&cluster).await;
        edits::a_missing_secret_key_refuses_its_user_and_names_the_nearest(&cluster).await;
        edits::a_changed_password_counts_at_once(&cluster).await;
        edits::a_deleted_technical_user_is_refused(&cluster).await;

        mistakes::each_is_rejected_or_refuses_its_holders_and_nobody_else(&cluster).await;
        status::what_is_wrong_is_said_and_nobody_else_is_touched(&cluster).await;

        service_accounts::a_service_account_comes_in_by_a_token_for_the_session_and_by_no_other(&cluster).await;
        scraping::prometheus_scrapes_as_a_technical_user(&cluster, &run).await;

        rights::nobody_may_more_than_needed(&cluster).await;
        restarts::policy_edits_have_restarted_nothing(&cluster).await;
        restarts::a_killed_container_comes_back_with_the_policy(&cluster).await;

        truth::every_condition_speaks_of_the_newest_generation(&cluster).await;
        truth::programmed_means_every_ready_pod(&mut cluster).await;
        truth::nothing_is_written_at_rest(&cluster).await;

        api_server_outage::pods_serve_and_deny_and_edits_go_on_afterwards(&cluster, &run).await;
        operator_outage::pods_serve_and_deny_without_the_operator_and_it_catches_up(&mut cluster).await;
        restarts::a_change_of_the_model_rolls_the_deployment(&mut cluster).await;
        cluster.story.step("the end");
        cluster.end().await;
    });
}
