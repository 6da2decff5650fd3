//! Parameters that operations of several resources take: windows and filters of statistics, filters of the request log, and
//! the formats of exports.

use nexus_edge_exports::format::Format;
use nexus_edge_stats::query::RANGES;
use nexus_edge_stats::series::Dimension;

use crate::document::Describe;

const WITH_BOM: &str = "Whether CSV begins with a byte order mark, by which spreadsheets recognise UTF-8.";

/// The window and the filters that all statistics take.
pub(crate) fn window<'a, 'd>(it: &'a mut Describe<'d>) -> &'a mut Describe<'d> {
    let it = it
        .choice("range", &RANGES.map(|(name, _)| name), "The time up to now. Without a window it is `24h`.")
        .number("from", 0..=1 << 53, "The beginning, in milliseconds since the epoch.")
        .number("to", 0..=1 << 53, "The end; now is the default.")
        .choice("bucket", &["auto", "minute", "quarter", "hour", "day"], "The length of a bucket; `auto` is the default. It becomes longer where rows so fine are not kept any more.")
        .text("tz", "The time zone of hours and days: a name such as `Europe/Berlin`, or `+05:30`; `UTC` is the default.");
    dimensions(it)
}

/// The filters of statistics: one for each dimension.
pub(crate) fn dimensions<'a, 'd>(it: &'a mut Describe<'d>) -> &'a mut Describe<'d> {
    Dimension::ALL
        .into_iter()
        .fold(it, |it, dimension| it.text(dimension.as_str(), "Only these values, separated by commas."))
}

/// The filters of the request log.
pub(crate) fn log_filters<'a, 'd>(it: &'a mut Describe<'d>) -> &'a mut Describe<'d> {
    it.number("from", 0..=1 << 53, "From this time on, in milliseconds since the epoch.")
        .number("to", 0..=1 << 53, "Before this time.")
        .text("key", "The id of the API key.")
        .text("owner", "The owner of the key.")
        .text("provider", "The provider's name.")
        .text("model", "The model, as the caller or the upstream named it, or the logical model.")
        .text("app", "The calling program.")
        .text("dialect", "The caller dialect, or the operation.")
        .text("conversation", "The conversation.")
        .text("request_id", "The `x-request-id` of the answer.")
        .choice("outcome", &["completed", "failed", "cancelled", "rejected"], "How it ended.")
        .text("status", "A status, or `ok`, `client`, `limited`, `timeout`, `server`, `cancelled`.")
        .text("error", "A part of the error code, or of an attempt that failed.")
        .choice("stream", &["true", "false"], "Whether a stream was asked for.")
        .number("min_ms", 0..=1 << 53, "At least this many milliseconds long.")
        .number("min_cost_micros", 0..=1 << 53, "At least this cost, in millionths of a dollar.")
}

/// What all exports take and answer.
pub(crate) fn export<'a, 'd>(it: &'a mut Describe<'d>) -> &'a mut Describe<'d> {
    const ROWS: &str = "The rows, in the format that is asked for.";
    it.choice("format", &Format::NAMES.map(|(name, _)| name), "NDJSON is the default.")
        .choice("bom", &["true", "false"], WITH_BOM)
        .file("text/csv", ROWS)
        .file("application/json", ROWS)
        .file("application/x-ndjson", ROWS)
}
