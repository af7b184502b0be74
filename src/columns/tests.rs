use std::fs;

use super::*;

const WANTED: Wanted = Wanted { instants: &["date", "time"], numbers: &["price", "count"] };
const FORMATS: [Format; 2] = [Format::Feather, Format::Parquet];

fn table(rows: usize) -> Table {
    let rows = 0..rows as i64;
    let columns = [
        ("name", Column::Texts(rows.clone().map(|at| "x".repeat(at as usize % 5)).collect())),
        ("count", Column::Whole(rows.clone().collect())),
        ("date", Column::Instants(rows.clone().map(|at| at * 60_000).collect())),
        ("price", Column::Numbers(rows.map(|at| if at == 3 { f64::NAN } else { at as f64 / 10.0 }).collect())),
    ];
    columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect()
}

fn read(path: &Path, format: Format) -> Result<Batch, ColumnsError> {
    let mut reader = Reader::open(path, format, WANTED)?;
    let mut all = Batch { instants: Vec::new(), numbers: vec![Vec::new(); 2] };
    while let Some(batch) = reader.next_batch()? {
        all.instants.extend(batch.instants);
        all.numbers.iter_mut().zip(batch.numbers).for_each(|(all, more)| all.extend(more));
    }
    Ok(all)
}

#[test]
fn what_is_written_is_read_again_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    for format in FORMATS {
        for rows in [0, 1, 9, BATCH_ROWS, BATCH_ROWS + 1, 3 * BATCH_ROWS] {
            write(&path, format, &table(rows)).unwrap();
            let all = read(&path, format).unwrap();
            let place = format!("{format:?} {rows}");
            assert_eq!(
                all.instants,
                (0..rows as i64).map(|at| Some(at * 60_000_000_000)).collect::<Vec<_>>(),
                "{place}"
            );
            assert_eq!(all.numbers[1], (0..rows).map(|at| at as f64).collect::<Vec<_>>(), "{place}");
            let prices: Vec<u64> = all.numbers[0].iter().map(|price| price.to_bits()).collect();
            let expect = (0..rows).map(|at| if at == 3 { f64::NAN } else { at as f64 / 10.0 }.to_bits());
            assert_eq!(prices, expect.collect::<Vec<_>>(), "{place}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_column_that_is_missing_or_of_another_kind_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    for format in FORMATS {
        write(&path, format, &table(3)).unwrap();
        let says = |wanted| Reader::open(&path, format, wanted).expect_err("it lacks something").to_string();
        let text = says(Wanted { instants: &["when"], ..WANTED });
        assert!(text.contains("no column for the time (when)") && text.contains("name, count, date, price"), "{text}");
        let text = says(Wanted { numbers: &["volume"], ..WANTED });
        assert!(text.contains("no column volume"), "{text}");
        let text = says(Wanted { numbers: &["name"], ..WANTED });
        assert!(text.contains("column name"), "{text}");
    }
}

/// What is torn off gives an error, and what is turned over other values or an error. Of parquet the first alone is promised:
/// its library panics at some bits that are turned over within a page.
#[test]
fn damaged_files_give_ok_or_err() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    for format in FORMATS {
        write(&path, format, &table(40)).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in (0..whole.len()).step_by(3) {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&path, format).is_err(), "{format:?} cut at {cut}");
        }
        let turned = if format == Format::Feather { whole.len() } else { 0 };
        for at in 0..turned {
            for bit in [0x01, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= bit;
                fs::write(&path, &bytes).unwrap();
                let _ = read(&path, format);
            }
        }
    }
}

#[test]
fn a_write_that_fails_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    fs::write(&path, "before").unwrap();
    let failed = replace(&path, |_| Err::<(), _>(ColumnsError::damaged(&path, "no")));
    assert!(failed.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = write(&folder.path().join("no/such/folder"), Format::Feather, &table(1)).expect_err("no folder");
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

#[test]
fn the_size_of_a_number_tells_its_unit() {
    let nanos = 1_727_751_600_000_000_000;
    for number in [1_727_751_600, 1_727_751_600_000, 1_727_751_600_000_000, nanos] {
        assert_eq!(unitless(number), Some(nanos), "{number}");
    }
    assert_eq!(unitless(i64::MAX), Some(i64::MAX));
}
