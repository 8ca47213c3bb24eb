"""The test that provokes each code of the table. `tests.support.seen_codes` fails it if its code does not occur."""

PROVOKED_BY = {
    "maintenance": "integration/administration/test_maintenance.py::test_work_is_refused_and_reading_is_not",
    "empty_filter": "integration/administration/test_all_jobs.py::test_a_change_of_many_jobs_needs_a_criterion",
    "own_account": "integration/administration/test_users.py::test_administrators_can_not_lock_themselves_out",
    "announcement_not_found": "integration/administration/test_announcements.py"
    "::test_an_announcement_is_shown_until_it_is_deleted",
    "invalid_request": "integration/accounts/test_me.py::test_an_invalid_token_request_names_the_field",
    "malformed_json": "integration/kit/test_bodies.py::test_what_is_not_json_is_refused",
    "invalid": "unit/cli/test_check.py::test_errors_of_a_malformed_chain_are_shown_with_those_of_the_others",
    "unknown_field": "unit/cli/test_check.py::test_errors_of_a_malformed_chain_are_shown_with_those_of_the_others",
    "unknown_parameter": "integration/kit/test_query.py"
    "::test_a_parameter_that_does_not_exist_is_named_with_those_that_do",
    "missing": "integration/shootouts/test_batch.py::test_a_wrong_form_is_refused_as_a_whole",
    "repeated": "integration/shootouts/test_uploads.py::test_an_undocumented_form_is_rejected_with_the_field",
    "not_found": "integration/kit/test_error_codes.py::test_a_code_occurs_with_a_status_of_the_table",
    "method_not_allowed": "integration/kit/test_document.py::test_a_method_that_is_not_there_is_a_problem_too",
    "too_slow": "integration/kit/test_bodies.py::test_who_trickles_a_body_in_is_not_waited_for",
    "conflict": "unit/kit/test_problem_handlers.py"
    "::test_a_fault_is_a_problem_with_its_code_and_no_detail_of_the_exception",
    "precondition_failed": "integration/kit/test_preconditions.py"
    "::test_a_change_of_another_state_is_refused_and_changes_nothing",
    "too_large": "unit/audio/nam/test_loading.py::test_a_file_above_64_mebibytes_is_rejected_without_decoding",
    "unsupported_media_type": "integration/kit/test_bodies.py"
    "::test_a_body_that_is_declared_as_something_else_than_json_is_refused",
    "range_not_satisfiable": "integration/shootouts/test_library.py::test_a_range_beyond_the_end_is_rejected",
    "idempotency_in_flight": "integration/jobs/test_idempotency.py"
    "::test_who_asks_while_the_first_is_not_answered_is_told_so",
    "idempotency_key_reused": "integration/jobs/test_idempotency.py::test_a_key_is_not_for_another_request",
    "too_many_requests": "integration/kit/test_throttle.py::test_a_user_who_asks_too_often_waits_and_nobody_else",
    "internal_error": "unit/kit/test_problem_handlers.py"
    "::test_a_fault_is_a_problem_with_its_code_and_no_detail_of_the_exception",
    "unavailable": "unit/kit/test_problem_handlers.py"
    "::test_a_fault_is_a_problem_with_its_code_and_no_detail_of_the_exception",
    "unauthorized": "integration/accounts/test_guards.py"
    "::test_every_route_except_the_public_ones_requires_a_credential",
    "invalid_credentials": "integration/accounts/test_guards.py"
    "::test_an_invalid_credential_is_refused_on_every_route_except_the_public_ones",
    "session_ended": "integration/accounts/test_sessions.py::test_reuse_of_a_refresh_token_ends_the_session",
    "forbidden": "unit/kit/test_problem_handlers.py"
    "::test_a_fault_is_a_problem_with_its_code_and_no_detail_of_the_exception",
    "read_only_token": "integration/accounts/test_device_sign_in.py::test_a_device_can_connect_a_local_user",
    "unknown_host": "integration/accounts/test_cross_origin.py::test_foreign_host_names_are_refused_on_loopback",
    "cross_origin": "integration/accounts/test_cross_origin.py"
    "::test_unsafe_requests_with_a_cookie_require_an_own_origin",
    "administrator_only": "integration/accounts/test_guards.py::test_only_administrators_see_the_dashboard",
    "user_not_found": "integration/accounts/test_services.py::test_disabled_and_deleted_users_get_no_tokens",
    "user_exists": "integration/accounts/test_services.py::test_names_are_unique_ignoring_case",
    "user_disabled": "integration/accounts/test_services.py::test_disabled_and_deleted_users_get_no_tokens",
    "invalid_user_name": "integration/accounts/test_services.py::test_a_name_that_needs_escaping_is_refused",
    "token_not_found": "integration/accounts/test_me.py::test_a_revoked_token_is_invalid_at_once",
    "session_not_found": "integration/accounts/test_my_sessions.py::test_a_session_can_be_ended_from_another",
    "too_many_attempts": "integration/kit/test_throttle.py::test_failed_sign_ins_are_counted_by_address",
    "sign_in_expired": "integration/accounts/test_device_sign_in.py"
    "::test_a_device_is_signed_in_after_the_user_allows_it",
    "sign_in_denied": "integration/accounts/test_device_sign_in.py::test_a_denied_or_expired_sign_in_stays_ended",
    "sign_up_closed": "integration/accounts/test_sign_in.py::test_with_sign_up_disabled_only_known_users_sign_in",
    "only_sign_in": "integration/accounts/test_sign_in.py::test_the_only_way_to_sign_in_can_not_be_disconnected",
    "tone_id_missing": "integration/accounts/test_sign_in.py::test_load_tone_requires_a_tone_id",
    "tone3000_not_configured": "integration/accounts/test_sign_in.py"
    "::test_without_a_key_sign_in_with_tone3000_is_not_configured",
    "tone3000_not_connected": "integration/accounts/test_sign_in.py::test_a_connection_can_be_deleted_and_made_again",
    "tone3000_reconnect": "integration/shootouts/test_tones.py::test_a_revoked_connection_must_be_made_again",
    "tone3000_linked_elsewhere": "integration/accounts/test_sign_in.py::test_a_tone3000_account_belongs_to_one_user",
    "tone3000_other_account": "integration/accounts/test_sign_in.py::test_a_tone3000_account_belongs_to_one_user",
    "tone3000_not_granted": "integration/accounts/test_connections.py::test_other_renewal_errors_keep_the_connection",
    "tone3000_search_off": "integration/shootouts/test_tones.py::test_search_is_disabled_by_default",
    "tone3000_not_permitted": "integration/tone3000/test_client.py::test_archives_are_reserved_for_partners",
    "tone_not_available": "integration/jobs/test_fetch.py::test_a_job_says_what_could_not_be_fetched_and_why",
    "tone3000_bad_answer": "integration/shootouts/test_tones.py::test_errors_of_tone3000_differ_from_our_own",
    "tone3000_foreign_address": "integration/shootouts/test_import.py::test_a_redirect_to_another_host_is_not_followed",
    "tone3000_busy": "integration/tone3000/test_http_client.py"
    "::test_a_long_retry_after_is_reported_and_pauses_the_installation",
    "tone3000_unreachable": "integration/jobs/test_fetch.py::test_a_job_that_waits_in_vain_says_for_whom",
    "unsupported_format": "integration/jobs/test_fetch.py::test_a_job_says_what_could_not_be_fetched_and_why",
    "library_item_not_found": "integration/kit/test_error_codes.py::test_a_code_occurs_with_a_status_of_the_table",
    "in_use": "integration/shootouts/test_library.py"
    "::test_an_item_in_use_can_not_be_deleted_and_its_shootouts_are_named",
    "too_many_files": "unit/shootouts/test_archives.py::test_a_table_of_contents_is_bounded_before_it_is_read",
    "invalid_archive": "unit/shootouts/test_archives.py::test_paths_out_of_the_archive_links_and_passwords_fail",
    "encrypted_file": "unit/shootouts/test_archives.py::test_paths_out_of_the_archive_links_and_passwords_fail",
    "unsafe_path": "unit/shootouts/test_archives.py::test_paths_out_of_the_archive_links_and_passwords_fail",
    "unknown_file_type": "unit/shootouts/test_archives.py::test_files_are_told_apart_by_name_and_folder",
    "result_file": "unit/shootouts/test_archives.py::test_of_a_bundle_only_the_inputs_are_usable",
    "junk_file": "unit/shootouts/test_archives.py::test_files_are_told_apart_by_name_and_folder",
    "quota_exceeded": "integration/shootouts/test_quota.py"
    "::test_uploads_fail_over_the_quota_and_succeed_after_deletion",
    "not_audio": "unit/audio/test_files.py::test_unusable_audio_has_an_error_code",
    "empty": "integration/kit/test_error_codes.py::test_a_code_occurs_with_a_status_of_the_table",
    "truncated": "unit/audio/test_files.py::test_a_truncated_file_is_rejected",
    "not_finite": "unit/audio/test_alignment.py::test_invalid_response_is_refused",
    "silent": "unit/audio/test_convolve.py::test_an_ir_of_silence_is_rejected",
    "too_long": "unit/audio/test_files.py::test_a_file_longer_than_the_limit_is_rejected",
    "too_short": "unit/rendering/test_plan.py::test_a_slice_outside_the_recording_is_rejected",
    "too_many_channels": "unit/audio/test_files.py::test_unusable_audio_has_an_error_code",
    "unsupported_rate": "unit/audio/test_alignment.py::test_invalid_response_is_refused",
    "stereo_ir": "unit/audio/test_convolve.py::test_equal_channels_are_one_response_and_different_ones_are_rejected",
    "undecodable": "unit/shootouts/test_media_probe.py::test_a_hanging_decoder_is_killed",
    "clipped": "unit/audio/test_diagnostics.py::test_a_clipped_recording_is_reported_with_count_and_first_time",
    "bad_shape": "unit/audio/test_alignment.py::test_invalid_response_is_refused",
    "out_of_range": "unit/audio/test_convolve.py::test_invalid_convolution_is_rejected",
    "unknown_kind": "unit/audio/test_space.py::test_unknown_reverb_kind_is_refused",
    "not_json": "unit/audio/nam/test_loading.py::test_anything_but_a_json_document_is_rejected",
    "too_deep": "unit/audio/nam/test_loading.py::test_models_can_be_nested_eight_deep_but_not_deeper",
    "missing_field": "unit/audio/nam/test_sequential.py"
    "::test_models_that_do_not_fit_each_other_are_rejected_with_a_pointer",
    "invalid_field": "unit/audio/nam/test_sequential.py"
    "::test_models_that_do_not_fit_each_other_are_rejected_with_a_pointer",
    "unsupported": "unit/audio/nam/test_loading.py::test_other_versions_are_rejected",
    "mismatch": "unit/audio/nam/test_sequential.py::test_models_that_do_not_fit_each_other_are_rejected_with_a_pointer",
    "weight_count": "unit/audio/nam/test_sequential.py"
    "::test_models_that_do_not_fit_each_other_are_rejected_with_a_pointer",
    "weight_value": "unit/audio/nam/test_loading.py::test_invalid_values_are_rejected_with_their_pointer",
    "unstable": "unit/audio/nam/test_runs.py::test_output_beyond_the_range_of_float32_is_an_error",
    "shootout_not_found": "integration/jobs/test_submission.py::test_nobody_duplicates_the_shootout_of_another",
    "invalid_config": "integration/shootouts/test_shootouts.py::test_all_errors_of_a_config_are_reported_at_once",
    "malformed": "unit/rendering/test_reading.py::test_utf_16_is_identified",
    "needs_service": "unit/rendering/test_grid.py::test_a_malformed_grid_is_explained",
    "missing_asset": "unit/cli/test_check.py::test_errors_of_files_and_of_chains_are_shown_together",
    "wrong_kind": "unit/rendering/test_grid.py::test_an_error_of_a_chain_points_to_the_entry_of_the_grid",
    "one_source": "unit/shootouts/test_config.py::test_a_block_has_exactly_one_source",
    "invalid_grid": "unit/rendering/test_grid.py::test_an_error_of_a_grid_points_to_it_and_leaves_the_written_chains",
    "duplicate_name": "unit/rendering/test_grid.py::test_an_error_of_a_grid_points_to_it_and_leaves_the_written_chains",
    "too_many_di_tracks": "unit/rendering/test_plan.py::test_a_shootout_above_the_limits_is_rejected",
    "too_many_chains": "unit/rendering/test_grid.py"
    "::test_an_error_of_a_grid_points_to_it_and_leaves_the_written_chains",
    "stereo_input": "unit/rendering/test_stereo.py::test_a_capture_takes_no_stereo_input",
    "no_ab_round": "unit/rendering/test_video_variants.py::test_an_impossible_round_alone_is_an_error",
    "too_many_splits": "unit/rendering/test_splits.py::test_a_fault_points_to_its_block_or_path",
    "too_many_segments": "unit/rendering/test_grid.py::test_a_huge_grid_is_refused_before_a_chain_is_made",
    "invalid_slice": "unit/rendering/test_plan.py::test_a_slice_outside_the_recording_is_rejected",
    "sides_cancel": "unit/audio/test_diagnostics.py::test_canceling_sides_are_reported_with_a_remedy",
    "not_slimmable": "unit/rendering/test_grid.py::test_an_error_of_a_chain_points_to_the_entry_of_the_grid",
    "beyond_nyquist": "unit/rendering/test_plan.py::test_a_frequency_above_the_nyquist_frequency_is_rejected",
    "no_amp": "unit/rendering/test_grammar.py::test_an_invalid_chain_is_rejected_with_a_pointer",
    "multiple_amps": "unit/rendering/test_grammar.py::test_an_invalid_chain_is_rejected_with_a_pointer",
    "ir_required": "unit/cli/test_check.py::test_errors_of_files_and_of_chains_are_shown_together",
    "ir_forbidden": "unit/rendering/test_grammar.py::test_an_invalid_chain_is_rejected_with_a_pointer",
    "multiple_irs": "unit/rendering/test_grammar.py::test_an_invalid_chain_is_rejected_with_a_pointer",
    "invalid_order": "unit/rendering/test_grammar.py::test_an_invalid_chain_is_rejected_with_a_pointer",
    "job_not_found": "integration/jobs/test_lifecycle.py::test_a_job_is_its_owner_s_alone",
    "artifact_not_found": "integration/jobs/test_artifacts.py::test_a_path_that_the_job_does_not_have_is_not_found",
    "segment_not_found": "integration/jobs/test_match.py::test_segments_that_can_not_be_matched_are_refused",
    "no_match": "integration/jobs/test_match.py::test_segments_that_can_not_be_matched_are_refused",
    "job_finished": "integration/jobs/test_cancel.py"
    "::test_whenever_a_job_is_cancelled_its_outcome_is_what_was_answered",
    "nothing_to_retry": "integration/jobs/test_dashboard.py"
    "::test_abort_cancels_and_retry_begins_again_and_the_owner_sees_both",
    "job_unfinished": "integration/jobs/test_results.py::test_an_unfinished_job_has_no_archive_and_can_not_be_deleted",
    "no_results": "integration/jobs/test_results.py::test_a_job_that_ended_without_results_says_so",
    "too_many_jobs": "integration/jobs/test_limits.py::test_one_job_too_many_is_refused_until_one_ends",
    "too_many_streams": "integration/jobs/test_live.py"
    "::test_one_user_gets_so_many_streams_of_either_kind_and_another_of_them_when_one_is_closed",
    "changed": "unit/rendering/test_chain.py::test_a_recording_shorter_than_its_media_info_is_rejected",
    "out_of_memory": "unit/rendering/test_child.py::test_a_task_that_needs_too_much_memory_fails_with_what_to_do",
    "storage": "integration/rendering/test_pool.py::test_a_missing_file_is_an_error_without_its_path",
    "timeout": "integration/jobs/test_interruptions.py::test_a_job_that_takes_too_long_fails_and_nothing_of_it_goes_on",
    "interrupted": "integration/jobs/test_interruptions.py"
    "::test_a_job_that_is_interrupted_every_time_fails_and_can_be_retried",
    "worker_lost": "integration/jobs/test_lifecycle.py::test_a_job_over_which_too_many_workers_died_fails",
    "webhook_not_found": "integration/jobs/test_webhooks.py::test_a_webhook_is_its_owner_s_alone",
    "delivery_not_found": "integration/jobs/test_webhooks.py"
    "::test_a_trial_is_in_the_log_and_found_where_the_answer_says",
    "too_many_webhooks": "integration/jobs/test_webhooks.py"
    "::test_nobody_gets_more_webhooks_than_the_limit_however_many_are_asked_for_at_once",
    "webhook_disabled": "integration/jobs/test_webhook_delivery.py"
    "::test_an_endpoint_that_is_gone_is_disabled_at_once_and_what_waits_is_sent_when_it_is_back",
    "webhook_address": "integration/jobs/test_webhooks.py::test_an_address_that_nothing_can_be_sent_to_is_refused",
    "dc_offset": "unit/audio/test_diagnostics.py::test_a_dc_offset_is_reported_with_its_level",
    "far_above_full_scale": "unit/audio/test_diagnostics.py"
    "::test_integers_stored_as_floating_point_are_reported_with_the_divisor",
    "late_onset": "unit/rendering/test_notices.py"
    "::test_a_notice_of_a_file_is_in_the_plan_once_with_the_pointer_to_its_first_use",
    "leading_tag": "unit/audio/test_layouts.py::test_a_leading_id3_tag_is_skipped_with_a_notice",
    "length_mismatch": "unit/audio/test_layouts.py::test_a_length_a_few_bytes_too_large_is_read_with_a_notice",
    "unknown_length": "unit/audio/test_layouts.py::test_a_placeholder_length_extends_to_the_end_of_the_file",
    "lossy": "unit/audio/test_diagnostics.py::test_a_lossy_recording_is_reported_with_its_codec",
    "gear_not_stated": "unit/rendering/test_notices.py"
    "::test_a_capture_of_unknown_gear_is_reported_at_its_first_use_with_what_to_write",
    "one_sided_calibration": "unit/rendering/test_calibration.py"
    "::test_a_level_that_only_the_di_track_states_is_reported",
    "repeated_name": "unit/rendering/test_notices.py::test_names_that_repeat_are_reported",
    "missing_glyphs": "unit/rendering/test_text.py::test_names_that_no_font_can_draw_are_reported",
    "mono_and_stereo": "unit/rendering/test_stereo.py::test_mono_chains_beside_stereo_ones_are_noted",
    "identical_chains": "unit/rendering/test_notices.py::test_chains_that_sound_alike_are_reported",
    "implausible_filter": "unit/rendering/test_notices.py::test_a_filter_that_can_t_be_meant_is_reported",
    "uneven_calibration": "unit/rendering/test_calibration.py"
    "::test_uncalibrated_chains_next_to_calibrated_ones_are_named",
    "non_commercial_license": "unit/rendering/test_credits.py"
    "::test_a_commercial_shootout_has_one_notice_per_non_commercial_file",
    "unknown_license": "unit/rendering/test_credits.py::test_an_unknown_license_is_reported_as_unknown",
    "share_not_found": "integration/listening/test_shares.py::test_a_withdrawn_share_is_gone_at_once_for_everybody",
    "shared_file_not_found": "integration/listening/test_shares.py"
    "::test_a_file_that_the_share_does_not_have_is_named_as_such",
    "picture_not_found": "integration/listening/test_shares.py::test_a_picture_is_published_small_and_without_metadata",
    "already_shared": "integration/listening/test_shares.py::test_only_a_completed_job_is_shared_and_only_once",
    "not_shareable": "integration/listening/test_shares.py::test_only_a_completed_job_is_shared_and_only_once",
    "invalid_picture": "integration/listening/test_shares.py::test_a_bad_picture_is_refused",
    "unsupported_oembed_format": "integration/listening/test_oembed.py"
    "::test_other_formats_and_other_addresses_are_refused",
    "listening_test_not_found": "integration/listening/test_listening_tests.py"
    "::test_a_test_is_edited_by_its_owner_only_and_deleted_with_its_answers",
    "listening_session_not_found": "integration/listening/test_listening_tests.py"
    "::test_a_session_belongs_to_the_browser_that_started_it",
    "stimulus_not_found": "integration/listening/test_listening_tests.py"
    "::test_only_sounds_of_this_and_the_next_trial_can_be_fetched",
    "results_hidden": "integration/listening/test_listening_tests.py"
    "::test_nothing_about_the_answers_is_told_before_the_end",
    "listening_test_closed": "integration/listening/test_listening_tests.py::test_a_closed_test_takes_no_answers",
    "listening_test_full": "integration/listening/test_listening_tests.py"
    "::test_starts_are_limited_by_address_and_sessions_of_a_test_by_number",
    "already_answered": "integration/listening/test_listening_tests.py"
    "::test_a_reload_resumes_and_an_answer_is_stored_once",
    "trials_left": "integration/listening/test_listening_tests.py::test_a_reload_resumes_and_an_answer_is_stored_once",
    "invalid_listening_test": "integration/listening/test_listening_tests.py"
    "::test_a_question_that_can_not_be_asked_is_refused",
    "invalid_answer": "integration/listening/test_listening_tests.py"
    "::test_a_reload_resumes_and_an_answer_is_stored_once",
}
