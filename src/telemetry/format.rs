//! How an event becomes a line.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// For people: time, level, message, fields.
pub(super) struct PrettyEvents;

/// For systemd's journal, in the form of its socket: one `NAME=value` a line, a datagram an event.
pub(super) struct JournalEvents;

impl<S, N> FormatEvent<S, N> for PrettyEvents
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut body = String::new();
        ctx.format_fields(Writer::new(&mut body), event)?;
        for span in ctx.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty()) {
                write!(body, " {fields}")?;
            }
        }
        SystemTime.format_time(&mut writer)?;
        let (colour, name) = level(*event.metadata().level());
        if writer.has_ansi_escapes() {
            write!(writer, " \x1b[{colour}m{name}\x1b[0m ")?;
        } else {
            write!(writer, " {name} ")?;
        }
        one_line(&mut writer, &body)?;
        writer.write_char('\n')
    }
}

fn level(level: Level) -> (u8, &'static str) {
    match level {
        Level::ERROR => (31, "ERROR"),
        Level::WARN => (33, " WARN"),
        Level::INFO => (32, " INFO"),
        Level::DEBUG => (34, "DEBUG"),
        Level::TRACE => (35, "TRACE"),
    }
}

/// An event is one line, and what came from outside cannot forge another, or move the cursor.
fn one_line(out: &mut impl Write, text: &str) -> fmt::Result {
    for c in text.chars() {
        if c.is_control() { write!(out, "{}", c.escape_default())? } else { out.write_char(c)? }
    }
    Ok(())
}

impl<S, N> FormatEvent<S, N> for JournalEvents
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // Levels of syslog.
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        let identifier = super::OURS;
        write!(writer, "PRIORITY={priority}\nSYSLOG_IDENTIFIER={identifier}\nTARGET=")?;
        one_line(&mut writer, event.metadata().target())?;
        writer.write_char('\n')?;
        let mut fields = JournalFields { writer: &mut writer, result: Ok(()) };
        event.record(&mut fields);
        fields.result
    }
}

struct JournalFields<'a, 'w> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl JournalFields<'_, '_> {
    /// Names are capitals, digits and underscores; a value with line breaks would need a binary form, and ours
    /// are one line anyway.
    fn field(&mut self, name: &str, value: &str) -> fmt::Result {
        if name == "message" {
            self.writer.write_str("MESSAGE=")?;
        } else {
            self.writer.write_str("LTL_")?;
            for c in name.chars() {
                self.writer.write_char(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })?;
            }
            self.writer.write_char('=')?;
        }
        one_line(self.writer, value)?;
        self.writer.write_char('\n')
    }
}

impl Visit for JournalFields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.result = self.result.and_then(|()| self.field(field.name(), value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.result = self.result.and_then(|()| self.field(field.name(), &format!("{value:?}")));
    }
}
