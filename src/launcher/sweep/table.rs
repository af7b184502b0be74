//! Every run of a sweep as a table for other programs.

use std::path::Path;

use crate::backtest::sweep::{Figures, Metric, Ranked, SweepReport};
use crate::columns::{self, Column, ColumnsError, Format, Table, replace};

/// Writes the runs, the best first, to a file whose ending says how.
pub(super) fn write(path: &Path, report: &SweepReport) -> Result<(), ColumnsError> {
    let table = table(report);
    if path.extension().is_some_and(|ending| ending == "parquet") {
        return columns::write(path, Format::Parquet, &table);
    }
    replace(path, |file| {
        csv(csv::Writer::from_writer(file), &table)
            .map_err(|error| ColumnsError::Io { path: path.to_owned(), error: error.into() })
    })
}

fn table(report: &SweepReport) -> Table {
    let runs = &report.ranked;
    let whole = |number: &dyn Fn(usize, &Ranked) -> usize| {
        Column::Whole(runs.iter().enumerate().map(|(at, one)| number(at, one) as i64).collect())
    };
    let number = |value: &dyn Fn(&Figures) -> Option<f64>| {
        Column::Numbers(runs.iter().map(|one| value(&one.figures).unwrap_or(f64::NAN)).collect())
    };
    let mut table = vec![("rank".to_owned(), whole(&|at, _| at + 1)), ("run".to_owned(), whole(&|_, one| one.run))];
    for (at, axis) in report.axes.iter().enumerate() {
        table.push((axis.setting.clone(), Column::Texts(runs.iter().map(|one| one.values[at].clone()).collect())));
    }
    table.push(("equity".to_owned(), number(&|figures| Some(figures.equity.to_f64()))));
    for metric in Metric::ALL {
        table.push((metric.as_str().to_owned(), number(&|figures| metric.of(figures))));
    }
    table.push(("trades".to_owned(), whole(&|_, one| one.figures.trades)));
    table.push(("exposure".to_owned(), number(&|figures| figures.exposure)));
    table.push(("turnover".to_owned(), number(&|figures| figures.turnover)));
    table.push(("fees".to_owned(), number(&|figures| Some(figures.fees.to_f64()))));
    table.push(("funding".to_owned(), number(&|figures| Some(figures.funding.to_f64()))));
    table
}

fn csv(mut writer: csv::Writer<impl std::io::Write>, table: &Table) -> Result<(), csv::Error> {
    writer.write_record(table.iter().map(|(name, _)| name))?;
    let rows = table.first().map_or(0, |(_, column)| column.len());
    for row in 0..rows {
        writer.write_record(table.iter().map(|(_, column)| match column {
            Column::Instants(values) | Column::Whole(values) => values[row].to_string(),
            Column::Numbers(values) if values[row].is_nan() => String::new(),
            Column::Numbers(values) => values[row].to_string(),
            Column::Texts(values) => values[row].clone(),
        }))?;
    }
    writer.flush().map_err(csv::Error::from)
}
