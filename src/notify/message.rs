//! What a person reads: a title by which the kind is recognised, and the text, in pieces that Telegram takes.

use crate::protocol::{Notice, NoticeKind};

/// Telegram's limit for one message, counted in UTF-16 code units.
pub(super) const LONGEST: usize = 4_096;
/// Text of one notice at most. What is longer came from outside, and four messages of it are enough.
const LONGEST_TEXT: usize = 4 * LONGEST;

/// The messages that a notice becomes, in Telegram's HTML.
pub(super) fn render(notice: &Notice) -> Vec<String> {
    let title = format!("<b>{}</b>\n", title(notice.kind));
    let text: String = notice.text.chars().take(LONGEST_TEXT).collect();
    split(&title, &text, LONGEST)
}

fn title(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Started => "🚀 Started",
        NoticeKind::Stopped => "🛑 Stopped",
        NoticeKind::PositionOpened => "📈 Position opened",
        NoticeKind::PositionClosed => "🏁 Position closed",
        NoticeKind::Protected => "🛡 Stop placed",
        NoticeKind::ProtectionFailed => "🚨 Position without a stop",
        NoticeKind::TradingState => "🚦 Trading state",
        NoticeKind::Health => "💓 Health",
        NoticeKind::Summary => "📊 Summary",
        NoticeKind::Alarm => "🚨 Alarm",
    }
}

/// Cuts a text into pieces of at most `longest` UTF-16 code units each, escapes and the head of the first one
/// included: at the end of a line if there is one in the piece's second half, else at a blank, else anywhere between
/// two characters.
fn split(head: &str, text: &str, longest: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = head.to_owned();
    let mut left = text;
    loop {
        let end = fitting(left, longest.saturating_sub(units(&piece)));
        let cut = if end < left.len() { good_cut(left, end) } else { end };
        let (now, rest) = left.split_at(cut);
        escape(now.trim_end(), &mut piece);
        pieces.push(std::mem::take(&mut piece));
        left = rest.trim_start();
        if left.is_empty() {
            return pieces;
        }
    }
}

/// How many bytes of `text` fit into `room` units once escaped. At least one character, so that there is an end.
fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += escaped(c).map_or(c.len_utf16(), str::len);
        if used > room && at > 0 {
            return at;
        }
    }
    text.len()
}

fn good_cut(text: &str, end: usize) -> usize {
    let piece = &text[..end];
    let late = |at: &usize| *at > end / 2;
    piece.rfind('\n').filter(late).or_else(|| piece.rfind(' ').filter(late)).unwrap_or(end)
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match escaped(c) {
            Some(entity) => out.push_str(entity),
            None if c.is_control() && c != '\n' => out.push(' '),
            None => out.push(c),
        }
    }
}

fn escaped(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_notice_has_a_title_and_its_text_is_not_markup() {
        let notice = Notice { kind: NoticeKind::Alarm, key: "k".into(), text: "a < b & c > d\r".into() };
        assert_eq!(render(&notice), ["<b>🚨 Alarm</b>\na &lt; b &amp; c &gt; d"]);
        let empty = Notice { text: String::new(), ..notice };
        assert_eq!(render(&empty).len(), 1);
    }

    #[test]
    fn a_text_is_cut_at_lines_then_at_blanks_then_anywhere() {
        assert_eq!(split("", "aaa bbb\nccc ddd", 10), ["aaa bbb", "ccc ddd"]);
        assert_eq!(split("", "aaaa bbbb cccc", 10), ["aaaa bbbb", "cccc"]);
        assert_eq!(split("", "aaaaaaaaaaaa", 10), ["aaaaaaaaaa", "aa"]);
        assert_eq!(split("12345", "aaaaaaa", 10), ["12345aaaaa", "aa"]);
        // Four of these are eight units of UTF-16, and a fifth would be the tenth and eleventh.
        assert_eq!(split("", "a🚀🚀🚀🚀🚀", 10), ["a🚀🚀🚀🚀", "🚀"]);
        assert_eq!(split("", "aaaaaaaa&b", 10), ["aaaaaaaa", "&amp;b"]);
    }

    proptest! {
        #[test]
        fn pieces_are_short_enough_and_nothing_but_blanks_is_lost(text in "[a-z<>&🚀é \n\u{1}]{0,600}") {
            let pieces = split("<b>t</b>\n", &text, 64);
            let mut joined = String::new();
            for piece in &pieces {
                prop_assert!(units(piece) <= 64, "{piece}");
                joined.push_str(&piece.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"));
            }
            let bare = |text: &str| text.replace('\u{1}', " ").split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&joined), format!("<b>t</b>{}", bare(&text)));
        }
    }
}
