//! What `data` prints.

use std::collections::BTreeMap;

use comfy_table::CellAlignment;

use crate::feed::file::{Checked, FaultKind, Written};

/// Faults of a file that are printed; `--json` has more.
const FAULTS_SHOWN: usize = 50;

/// What was found in files, as tables for people.
pub fn checked_text(files: &[Checked]) -> String {
    let mut table = crate::config::table(&["File", "Bars", "From", "Until", "Length", "Wrong"]);
    for file in files {
        let at = |at: &Option<String>| at.as_deref().map_or_else(|| "-".to_owned(), minute);
        let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        table.add_row([
            name,
            if file.timeframe.is_some() { file.bars.to_string() } else { format!("{} quotes", file.quotes) },
            at(&file.from),
            at(&file.until),
            file.timeframe.map_or_else(|| "-".to_owned(), |timeframe| timeframe.to_string()),
            summary(file),
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut parts = vec![table.to_string()];
    parts.extend(files.iter().filter(|file| !file.is_good()).map(faults));
    parts.join("\n\n") + "\n"
}

fn summary(file: &Checked) -> String {
    let mut counts: BTreeMap<FaultKind, usize> = BTreeMap::new();
    file.faults.iter().for_each(|fault| *counts.entry(fault.kind).or_default() += 1);
    let mut words: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
    if file.more_faults > 0 {
        words.push(format!("{} more", file.more_faults));
    }
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn faults(file: &Checked) -> String {
    let mut table = crate::config::table(&["Line", "What", "Field", "Value", "Why", "Remedy"]);
    for fault in file.faults.iter().take(FAULTS_SHOWN) {
        let line = fault.line.map_or_else(String::new, |line| line.to_string());
        let kind = fault.kind.as_str().to_owned();
        table.add_row([line, kind, fault.field.clone(), fault.value.clone(), fault.why.clone(), fault.remedy.clone()]);
    }
    let more = file.faults.len().saturating_sub(FAULTS_SHOWN) as u64 + file.more_faults;
    let more = if more > 0 { format!("\n{more} more; --json lists up to a thousand") } else { String::new() };
    format!("{}\n{table}{more}", file.path.display())
}

/// What was converted, as a table for people.
pub fn written_text(files: &[Written]) -> String {
    let mut table = crate::config::table(&["Symbol", "Bars", "From", "Until", "Made of", "Written to"]);
    for file in files {
        let plural = if file.sources == 1 { "file" } else { "files" };
        table.add_row([
            if file.symbol.is_empty() { "-".to_owned() } else { file.symbol.clone() },
            file.bars.to_string(),
            minute(&file.from.to_string()),
            minute(&file.until.to_string()),
            format!("{} {plural}", file.sources),
            file.path.display().to_string(),
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn minute(at: &str) -> String {
    at.replace('T', " ").chars().take("2025-01-01 00:00".len()).collect()
}
