"""Every code that an error, a notice or the end of a WebSocket can carry, with what it means and what to do.

The table is published as the schema `ErrorCode` of the OpenAPI document and in `docs/errors.md`.
"""

from typing import Final, NamedTuple


class ErrorCode(NamedTuple):
    """One code.

    Attributes:
        code: the stable identifier.
        statuses: HTTP statuses of the problems that carry it, as their `code` or within `errors`. Empty: only the
            `error` of a job, the result of an uploaded file or a notice carries it.
        title: what it means, without a full stop.
        action: one sentence: what to do.
    """

    code: str
    statuses: tuple[int, ...]
    title: str
    action: str


class CloseCode(NamedTuple):
    """One close code of a WebSocket: the number, what it means, and what to do."""

    code: int
    title: str
    action: str


_C: Final = ErrorCode

ERROR_CODES: Final[dict[str, tuple[ErrorCode, ...]]] = {
    "Requests": (
        _C("invalid_request", (400,), "The request is malformed", "Correct what `errors` points to."),
        _C("malformed_json", (400,), "The body is not JSON in UTF-8", "Send valid JSON."),
        _C("invalid", (400, 422), "A value is not allowed", "Use a value that `detail` names."),
        _C(
            "unknown_field",
            (400, 422),
            "The field does not exist",
            "Remove it, or use the name that `detail` suggests.",
        ),
        _C(
            "unknown_parameter",
            (400,),
            "The query parameter does not exist",
            "Remove it, or use one that `detail` names.",
        ),
        _C("missing", (400,), "A required field is missing", "Send the field."),
        _C("repeated", (400,), "A field of the form was sent twice", "Send the field once."),
        _C("not_found", (404,), "Nothing is at this URL", "Compare the URL with the API's document."),
        _C("method_not_allowed", (405,), "The URL does not support this method", "Use a method that `Allow` lists."),
        _C("too_slow", (408,), "The body arrives too slowly", "Send it again over a faster connection."),
        _C("conflict", (409,), "The request conflicts with existing data", "Read the resource again, then retry."),
        _C("precondition_failed", (412,), "It has changed since you read it", "Read it again, then retry."),
        _C("too_large", (413, 422), "The body, file or model exceeds a limit", "Send less; `detail` names the limit."),
        _C("unsupported_media_type", (415,), "The media type or encoding is not supported", "Use the documented one."),
        _C(
            "range_not_satisfiable", (416,), "The range begins after the end", "Request a range within `Content-Range`."
        ),
        _C("idempotency_in_flight", (409,), "The first request with this key is running", "Retry after `Retry-After`."),
        _C("idempotency_key_reused", (422,), "The key belongs to a different request", "Use a new `Idempotency-Key`."),
        _C("too_many_requests", (429,), "A rate limit is reached", "Wait for `Retry-After` seconds."),
        _C("maintenance", (503,), "The service is in maintenance mode", "Retry after `Retry-After` seconds."),
        _C("internal_error", (500,), "A fault of the service", "Retry later; report the `request_id` if it persists."),
        _C("unavailable", (503,), "A part of the service is unavailable", "Retry after `Retry-After` seconds."),
    ),
    "Accounts": (
        _C("unauthorized", (401,), "The request has no credential", "Send a token, or sign in."),
        _C("invalid_credentials", (401,), "The credential is unknown, expired or revoked", "Sign in again."),
        _C("session_ended", (401,), "The session has ended", "Sign in again."),
        _C("forbidden", (403,), "The credential does not permit this", "Use another account or token."),
        _C("read_only_token", (403,), "The token has read scope", "Use a token of write scope."),
        _C("unknown_host", (403,), "The service has another host name", "Open the URL that `detail` names."),
        _C("cross_origin", (403,), "A cookie was sent from a page of another origin", "Use an API token."),
        _C("administrator_only", (403,), "Only administrators can do this", "Ask an administrator."),
        _C("user_not_found", (404,), "The user does not exist", "Check the name."),
        _C("user_exists", (409,), "The user name is taken", "Choose another name."),
        _C("user_disabled", (409,), "The user is disabled", "Ask an administrator to enable the user."),
        _C(
            "invalid_user_name",
            (422,),
            "The user name is not allowed",
            "Use letters, digits, dots, underscores, hyphens.",
        ),
        _C("token_not_found", (404,), "You have no such API token", "List your tokens."),
        _C("session_not_found", (404,), "You have no such session", "List your sessions."),
        _C(
            "too_many_attempts", (429,), "Too many sign-ins failed from this address", "Wait for `Retry-After` seconds."
        ),
        _C("sign_in_expired", (400,), "The sign-in expired, or belongs to another browser", "Start the sign-in again."),
        _C("sign_in_denied", (403,), "TONE3000 denied the sign-in", "Start the sign-in again."),
        _C("sign_up_closed", (403,), "New accounts are not accepted", "Ask the operator for an account."),
        _C("only_sign_in", (409,), "TONE3000 is your only way to sign in", "Create an API token of write scope first."),
        _C("tone_id_missing", (400,), "`prompt=load_tone` was sent without `tone_id`", "Send `tone_id`."),
    ),
    "Administration": (
        _C("empty_filter", (422,), "A change of many jobs has no criterion", "Give at least one criterion."),
        _C("own_account", (409,), "You can't disable your own account or take its role", "Ask another administrator."),
        _C("announcement_not_found", (404,), "There is no such announcement", "List the announcements."),
    ),
    "TONE3000": (
        _C(
            "tone3000_not_configured", (409,), "The service has no API key for TONE3000", "Ask the operator to set one."
        ),
        _C(
            "tone3000_not_connected",
            (409,),
            "Your account is not connected",
            "Connect at `/api/v1/auth/login?link=true`.",
        ),
        _C(
            "tone3000_reconnect",
            (409,),
            "The connection has expired",
            "Connect again at `/api/v1/auth/login?link=true`.",
        ),
        _C(
            "tone3000_linked_elsewhere", (409,), "Another user has connected this account", "Disconnect it there first."
        ),
        _C("tone3000_other_account", (409,), "You are connected with another account", "Disconnect that one first."),
        _C("tone3000_not_granted", (409,), "TONE3000 denied the sign-in", "Sign in again."),
        _C("tone3000_search_off", (403,), "Search is disabled on this installation", "Use your lists at TONE3000."),
        _C("tone3000_not_permitted", (403,), "TONE3000 does not permit the request", "Use another tone or account."),
        _C(
            "tone_not_available", (404,), "The tone or model does not exist, or is private", "Check its id at TONE3000."
        ),
        _C("tone3000_bad_answer", (502,), "TONE3000 sent an invalid response", "Retry later."),
        _C("tone3000_foreign_address", (502,), "The file lies on another host than TONE3000's", "Use another model."),
        _C("tone3000_busy", (503,), "The rate limit of TONE3000 is reached", "Wait for `Retry-After` seconds."),
        _C("tone3000_unreachable", (503,), "TONE3000 does not respond", "Retry later."),
        _C(
            "unsupported_format", (422,), "No block supports the format of the tone", "Use a tone with NAM or IR files."
        ),
    ),
    "Library": (
        _C("library_item_not_found", (404,), "You have no such library item", "List your library."),
        _C("in_use", (409,), "A shootout or an unfinished job uses the item", "Change or delete what `errors` names."),
        _C("too_many_files", (400,), "The upload or archive has too many files", "Send the rest in another request."),
        _C("invalid_archive", (), "The file is not a ZIP archive, or it is damaged", "Pack it again as ZIP (deflate)."),
        _C("encrypted_file", (), "The file has a password", "Pack it again without a password."),
        _C("unsafe_path", (), "The path leads out of the archive, or is a link", "Pack the file itself."),
        _C(
            "unknown_file_type", (), "The file is no capture and no sound file", "Nothing is left to do: it is skipped."
        ),
        _C("result_file", (), "The file of a bundle is no input", "Nothing is left to do: it is skipped."),
        _C("junk_file", (), "The file belongs to an operating system", "Nothing is left to do: it is skipped."),
        _C("quota_exceeded", (403,), "Your storage quota is used up", "Delete items that you don't use."),
    ),
    "Files: audio": (
        _C(
            "not_audio",
            (422,),
            "The file is not audio in a supported format",
            "Send WAV, AIFF, FLAC or what `detail` names.",
        ),
        _C("empty", (422,), "The file has no samples", "Export the recording again."),
        _C("truncated", (422,), "The file ends before its stated length", "Send the whole file."),
        _C("not_finite", (422,), "Samples are NaN or infinite", "Export the recording again, or use another capture."),
        _C("silent", (422,), "The audio is silent", "Use a recording or a slice with sound."),
        _C("too_long", (422,), "The audio is longer than the limit", "Shorten it, or use `start_s` and `end_s`."),
        _C("too_short", (422,), "The slice is too short to measure its loudness", "Use a longer slice."),
        _C("too_many_channels", (422,), "The file has too many channels", "Export it as mono or stereo."),
        _C("unsupported_rate", (422,), "The sample rate is not supported", "Convert it to 8 to 192 kHz."),
        _C("stereo_ir", (), "The sides of the impulse response differ", "Choose `left`, `right` or `mean`."),
        _C("undecodable", (422,), "The file can't be decoded", "Export it again, or use another file."),
        _C("clipped", (), "Samples exceed full scale", "Record again at a lower level."),
        _C("bad_shape", (), "Signals do not fit each other", "Report this fault of the service."),
        _C("out_of_range", (), "A parameter is out of its range", "Use a value within the range that `detail` names."),
        _C("unknown_kind", (), "The type of filter or reverb does not exist", "Use a type that `detail` names."),
    ),
    "Files: captures": (
        _C("not_json", (422,), "The file is not a NAM capture", "Send a `.nam` file."),
        _C("too_deep", (422,), "The file is nested too deeply", "Export the capture again."),
        _C("missing_field", (422,), "A field of the capture is missing", "Export the capture again."),
        _C("invalid_field", (422,), "A field of the capture is invalid", "Export the capture again."),
        _C("unsupported", (422,), "This kind of capture is not supported", "Use a kind that `detail` names."),
        _C("mismatch", (422,), "Parts of the capture do not fit each other", "Export the capture again."),
        _C("weight_count", (422,), "The capture has too few or too many weights", "Export the capture again."),
        _C("weight_value", (422,), "A weight of the capture is not a number", "Export the capture again."),
        _C("unstable", (422,), "The capture's output is not finite", "Use another capture."),
    ),
    "Shootouts and specs": (
        _C("shootout_not_found", (404,), "You have no such shootout", "List your shootouts."),
        _C("invalid_config", (422,), "The config can't be rendered", "Correct what `errors` points to."),
        _C("malformed", (422,), "The spec file is not TOML or JSON", "Correct the line that `detail` names."),
        _C("needs_service", (), "Only a service can fetch models of TONE3000", "Submit the spec, or name a file."),
        _C("missing_asset", (422,), "The file or library item does not exist", "Upload it, or correct the name or id."),
        _C("wrong_kind", (422,), "The file is of another kind", "Use the item in a block of its kind."),
        _C("one_source", (422,), "A block has not exactly one of `asset` and `tone3000`", "Set one of the two."),
        _C("invalid_grid", (422,), "The grid and its template do not fit", "Change what `detail` names."),
        _C("duplicate_name", (422,), "Two chains or parts of a grid have the same name", "Set `name` of one of them."),
        _C("too_many_di_tracks", (422,), "Too many DI tracks", "Use fewer, or several shootouts."),
        _C("too_many_chains", (422,), "Too many chains", "Use fewer, or several shootouts."),
        _C("stereo_input", (422,), "A capture has a stereo input", "Put it before what makes the sound stereo."),
        _C("no_ab_round", (422,), "No A/B round is possible", "Add a chain or a longer DI track, or unset `ab_only`."),
        _C("too_many_splits", (422,), "A chain has too many splits", "Use at most four."),
        _C("too_many_segments", (422,), "Too many pairs of DI track and chain", "Use fewer DI tracks or chains."),
        _C("invalid_slice", (422,), "The slice does not lie within the DI track", "Correct `start_s` and `end_s`."),
        _C("sides_cancel", (422,), "The sides of the DI track cancel", "Set `channel` to `left` or `right`."),
        _C("not_slimmable", (422,), "The capture has one size only", "Remove `size`, or use a slimmable capture."),
        _C("beyond_nyquist", (422,), "The frequency exceeds half the sample rate", "Use a lower frequency."),
        _C("no_amp", (422,), "The chain has no amp", "Add a capture of an amp, or `allow` it."),
        _C("multiple_amps", (422,), "The chain has several amps", "Remove all but one, or `allow` it."),
        _C("ir_required", (422,), "The amp has no cabinet", "Add a cab IR after it, or `allow` `no_cab`."),
        _C("ir_forbidden", (422,), "The capture already includes a cabinet", "Remove the cab IR, or `allow` it."),
        _C(
            "multiple_irs",
            (422,),
            "The chain has several cab IRs",
            "Remove all but one, `split` the chain, or `allow` it.",
        ),
        _C("invalid_order", (422,), "Blocks are in the wrong order", "Order pedal, amp, cab IR, or `allow` it."),
    ),
    "Jobs": (
        _C("job_not_found", (404,), "You have no such job", "List your jobs."),
        _C("artifact_not_found", (404,), "The job has no such artifact", "List its artifacts."),
        _C("segment_not_found", (404,), "The job has no such segment", "Use a position that `detail` names."),
        _C("no_match", (409,), "The segments have no third octaves in common", "Choose other segments."),
        _C("job_finished", (409,), "A finished job can't be cancelled", "Nothing is left to do."),
        _C("nothing_to_retry", (409,), "Only a failed or cancelled job can be retried", "Submit a new job."),
        _C("job_unfinished", (409,), "The job, or one of the shootout, is not finished", "Cancel it first, or wait."),
        _C("no_results", (404,), "The job has finished without results", "Read its `error`, then retry it."),
        _C("too_many_jobs", (429,), "You have as many unfinished jobs as allowed", "Wait for one, or cancel one."),
        _C("too_many_streams", (429,), "You have as many open streams as allowed", "Close one."),
        _C("changed", (), "A file has changed since it was examined", "Submit the job again."),
        _C("out_of_memory", (), "Rendering needs too much memory", "Use shorter slices or smaller captures."),
        _C("storage", (), "A file of the worker can't be read or written", "Retry the job later."),
        _C("timeout", (), "The job took longer than allowed", "Use fewer or shorter segments."),
        _C("interrupted", (), "The job was interrupted too often", "Retry the job."),
        _C("worker_lost", (), "Workers that ran the job died too often", "Retry the job; report it if that repeats."),
    ),
    "Shares": (
        _C("share_not_found", (404,), "There is no such share, or it was withdrawn", "Ask its owner for the address."),
        _C("shared_file_not_found", (404,), "The share has no such file", "Use a path of its `files`."),
        _C("picture_not_found", (404,), "The share has no picture", "Send one with `PUT`."),
        _C("already_shared", (409,), "The job has a share", "Change that share, or delete it first."),
        _C("not_shareable", (409,), "The job has no results that can be shared", "Share a completed job."),
        _C("invalid_picture", (422,), "The picture can't be used", "Send a JPEG, PNG or WebP file."),
        _C("unsupported_oembed_format", (501,), "Players are described in JSON only", "Send `format=json`."),
    ),
    "Listening tests": (
        _C("listening_test_not_found", (404,), "There is no such test, or it was withdrawn", "Ask its owner."),
        _C("listening_session_not_found", (404,), "This browser has no such session", "Start the test again."),
        _C("stimulus_not_found", (404,), "The session has no such sound now", "Answer the trials in order."),
        _C(
            "results_hidden",
            (403,),
            "The owner shows the results later, or to nobody else",
            "Finish the test, or wait.",
        ),
        _C("listening_test_closed", (409,), "The test is closed", "Ask its owner for another."),
        _C(
            "listening_test_full", (409,), "The test has as many sessions as one can have", "Ask its owner for another."
        ),
        _C("already_answered", (409,), "The trial has another answer", "Answer the next trial."),
        _C("trials_left", (409,), "An earlier trial has no answer", "Answer the trials in order."),
        _C(
            "invalid_listening_test",
            (422,),
            "The question can't be asked about these segments",
            "Correct what `errors` points to.",
        ),
        _C("invalid_answer", (422,), "The answer does not fit the trial", "Correct what `errors` points to."),
    ),
    "Webhooks": (
        _C("webhook_not_found", (404,), "You have no such webhook", "List your webhooks."),
        _C("delivery_not_found", (404,), "The webhook has no such delivery", "List its deliveries."),
        _C("too_many_webhooks", (409,), "You have as many webhooks as allowed", "Delete one first."),
        _C("webhook_disabled", (409,), "The webhook is disabled", "Enable it first."),
        _C("webhook_address", (422,), "The URL can't receive webhooks", "Use an `https` URL of a public host."),
    ),
    "Notices": (
        _C("dc_offset", (), "The recording has a DC offset", "Check the interface, or high-pass it."),
        _C("far_above_full_scale", (), "The peak lies far above full scale", "Check the format of the export."),
        _C("late_onset", (), "The impulse response begins late", "Trim the silence at its start."),
        _C("leading_tag", (), "A tag precedes the header of the file", "Nothing is left to do: it is ignored."),
        _C("length_mismatch", (), "The file is longer or shorter than it states", "Check that it is complete."),
        _C("unknown_length", (), "The file does not state its length", "Check that it is complete."),
        _C("lossy", (), "The recording was compressed with loss", "Export it as WAV or FLAC."),
        _C("gear_not_stated", (), "The file of the capture states no known gear", "Set `gear` on its block."),
        _C("one_sided_calibration", (), "Only DI tracks or only captures state a level", "State both, or neither."),
        _C("repeated_name", (), "Two DI tracks or two chains have one name", "Rename one."),
        _C("identical_chains", (), "Two chains have the same blocks", "Change or delete one."),
        _C("mono_and_stereo", (), "Some chains are mono and others stereo", "Compare them with care, or pan none."),
        _C("implausible_filter", (), "A filter has no audible effect or leaves no sound", "Check its frequency in Hz."),
        _C("missing_glyphs", (), "No font draws some characters of a name", "Install the package that it names."),
        _C("uneven_calibration", (), "Only some chains are calibrated to the DI track", "Calibrate all, or none."),
        _C(
            "non_commercial_license",
            (),
            "The license forbids commercial use",
            "Use another file, or no commercial use.",
        ),
        _C("unknown_license", (), "It is unknown whether commercial use is allowed", "Ask the author of the file."),
    ),
}
"""The codes by topic."""

CLOSE_CODES: Final = (
    CloseCode(1000, "The job has ended; `done` was the last event", "Download the results."),
    CloseCode(1011, "A fault of the service", "Reconnect; report it if it persists."),
    CloseCode(1012, "The server is stopping", "Reconnect with `after`."),
    CloseCode(1013, "A part of the service is unavailable", "Reconnect shortly with `after`."),
    CloseCode(4400, "The URL is malformed", "Correct the query parameters."),
    CloseCode(4401, "Not signed in, or no longer", "Sign in, or get a new ticket."),
    CloseCode(4403, "The origin of the page is not allowed", "Use a ticket, or ask the operator to allow the origin."),
    CloseCode(4404, "You have no such job", "List your jobs."),
    CloseCode(4429, "A rate limit or the limit of open streams is reached", "Wait, or close a stream."),
)
"""Close codes of `WS /api/v1/jobs/{id}/ws`."""


def all_codes() -> dict[str, ErrorCode]:
    """Return the table by code."""
    return {entry.code: entry for entries in ERROR_CODES.values() for entry in entries}
