//! Parquet, by its low-level interface: tables without nesting need no more, and the one for Arrow would double what is
//! built.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnDescriptor, Type};

use super::{Batch, Column, ColumnsError, Table, Wanted, find, rows, unitless};

/// Rows of a group that we write, as many as pyarrow does: a day short of two years of minutes.
const GROUP_ROWS: usize = 1 << 20;
/// Rows of a group that are read at most; a larger group is damage, or of another trade.
const MAX_GROUP_ROWS: i64 = 1 << 26;

pub(super) struct Reader {
    path: PathBuf,
    file: SerializedFileReader<File>,
    length: u64,
    next_group: usize,
    pub(super) instants_name: &'static str,
    places: Vec<usize>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).field("next_group", &self.next_group).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn open(path: &Path, wanted: Wanted) -> Result<Reader, ColumnsError> {
        let file = File::open(path).map_err(|error| ColumnsError::io(path, error))?;
        let length = file.metadata().map_err(|error| ColumnsError::io(path, error))?.len();
        let file = SerializedFileReader::new(file).map_err(|error| damaged(path, &error))?;
        let columns = file.metadata().file_metadata().schema_descr_ptr();
        let there: Vec<String> = columns.columns().iter().map(|column| column.path().string()).collect();
        let (instants_name, places) = find(path, &there, wanted)?;
        for (at, place) in places.iter().enumerate() {
            let column = columns.column(*place);
            if !is_read(&column, at == 0) {
                let what = format!("column {} is of type {}, which is not read", column.name(), column.physical_type());
                return Err(ColumnsError::Column { path: path.to_owned(), what, there });
            }
        }
        Ok(Reader { path: path.to_owned(), file, length, next_group: 0, instants_name, places })
    }

    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>, ColumnsError> {
        if self.next_group >= self.file.num_row_groups() {
            return Ok(None);
        }
        let failed = |error: ParquetError| damaged(&self.path, &error);
        let group = self.file.get_row_group(self.next_group).map_err(failed)?;
        self.next_group += 1;
        let rows = group.metadata().num_rows();
        if !(0..=MAX_GROUP_ROWS).contains(&rows) {
            return Err(ColumnsError::damaged(&self.path, format!("a group of rows has {rows} of them")));
        }
        // The library trusts the places of columns, and panics where they make no sense.
        if self.places.iter().any(|place| !is_within(group.metadata().column(*place), self.length)) {
            return Err(ColumnsError::damaged(&self.path, "a column lies outside of it"));
        }
        let rows = usize::try_from(rows).unwrap_or_default();
        let (first, others) = self.places.split_first().expect("a time column is always wanted");
        let instants = instants(&*group, *first, rows).map_err(failed)?;
        let numbers = others.iter().map(|place| numbers(&*group, *place, rows)).collect::<Result<Vec<_>, _>>();
        let numbers = numbers.map_err(failed)?;
        if instants.len() != rows || numbers.iter().any(|column| column.len() != rows) {
            return Err(ColumnsError::damaged(&self.path, "its columns are not equally long"));
        }
        Ok(Some(Batch { instants, numbers }))
    }
}

/// Does a column's chunk lie within a file?
fn is_within(column: &ColumnChunkMetaData, length: u64) -> bool {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let end = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
    end.and_then(|(start, size)| start.checked_add(size)).is_some_and(|end| end <= length)
}

fn damaged(path: &Path, error: &ParquetError) -> ColumnsError {
    ColumnsError::damaged(
        path,
        format!("it is not a whole parquet file ({error}); write it anew, with Snappy or uncompressed"),
    )
}

fn is_read(column: &ColumnDescriptor, instants: bool) -> bool {
    let flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
    flat && match column.physical_type() {
        Physical::INT64 => true,
        Physical::INT32 | Physical::FLOAT | Physical::DOUBLE => !instants,
        Physical::BOOLEAN | Physical::INT96 | Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => false,
    }
}

fn instants(group: &dyn RowGroupReader, place: usize, rows: usize) -> Result<Vec<Option<i64>>, ParquetError> {
    let column = group.metadata().column(place).column_descr_ptr();
    let scale = match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(kind)), _) => Some(match kind.unit {
            TimeUnit::MILLIS => 1_000_000,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Some(1_000_000),
        (_, ConvertedType::TIMESTAMP_MICROS) => Some(1_000),
        _ => None,
    };
    let ColumnReader::Int64ColumnReader(reader) = group.get_column_reader(place)? else { return Ok(Vec::new()) };
    let values = all(reader, &column, rows)?;
    Ok(values
        .into_iter()
        .map(|value| value.and_then(|at| scale.map_or_else(|| unitless(at), |s| at.checked_mul(s))))
        .collect())
}

fn numbers(group: &dyn RowGroupReader, place: usize, rows: usize) -> Result<Vec<f64>, ParquetError> {
    let column = group.metadata().column(place).column_descr_ptr();
    fn floats<T>(values: Vec<Option<T>>, float: impl Fn(T) -> f64) -> Vec<f64> {
        values.into_iter().map(|value| value.map_or(f64::NAN, &float)).collect()
    }
    Ok(match group.get_column_reader(place)? {
        ColumnReader::DoubleColumnReader(reader) => floats(all(reader, &column, rows)?, |value| value),
        ColumnReader::FloatColumnReader(reader) => {
            floats(all(reader, &column, rows)?, |value| value.to_string().parse().unwrap_or(f64::NAN))
        }
        ColumnReader::Int64ColumnReader(reader) => floats(all(reader, &column, rows)?, |value| value as f64),
        ColumnReader::Int32ColumnReader(reader) => floats(all(reader, &column, rows)?, f64::from),
        ColumnReader::BoolColumnReader(_)
        | ColumnReader::Int96ColumnReader(_)
        | ColumnReader::ByteArrayColumnReader(_)
        | ColumnReader::FixedLenByteArrayColumnReader(_) => Vec::new(),
    })
}

/// Every value of a column in a group; `None` where there is none.
fn all<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    column: &ColumnDescriptor,
    rows: usize,
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let nullable = column.max_def_level() > 0;
    let (mut values, mut levels, mut read) = (Vec::new(), Vec::new(), 0);
    while read < rows {
        let levels = nullable.then_some(&mut levels);
        let (records, ..) = reader.read_records(rows - read, levels, None, &mut values)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    if !nullable {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}

pub(super) fn write(path: &Path, file: &mut BufWriter<File>, table: &Table) -> Result<(), ColumnsError> {
    let failed = |error: ParquetError| ColumnsError::damaged(path, error);
    let field = |(name, column): &(String, Column)| {
        let (kind, meaning) = match column {
            Column::Instants(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Column::Whole(_) => (Physical::INT64, None),
            Column::Numbers(_) => (Physical::DOUBLE, None),
            Column::Texts(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, kind).with_repetition(Repetition::REQUIRED);
        field.with_logical_type(meaning).build().map(Arc::new)
    };
    let fields = table.iter().map(field).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let schema = Type::group_type_builder("table").with_fields(fields).build().map_err(failed)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
    let all = rows(table);
    for from in (0..all).step_by(GROUP_ROWS) {
        let part = from..all.min(from + GROUP_ROWS);
        let mut group = writer.next_row_group().map_err(failed)?;
        for (_, column) in table {
            match column {
                Column::Instants(values) | Column::Whole(values) => {
                    column_of::<Int64Type>(&mut group, &values[part.clone()])
                }
                Column::Numbers(values) => column_of::<DoubleType>(&mut group, &values[part.clone()]),
                Column::Texts(values) => {
                    let texts: Vec<ByteArray> = values[part.clone()].iter().map(|text| text.as_str().into()).collect();
                    column_of::<ByteArrayType>(&mut group, &texts)
                }
            }
            .map_err(failed)?;
        }
        group.close().map_err(failed)?;
    }
    writer.close().map(|_| ()).map_err(failed)
}

fn column_of<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut BufWriter<File>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}
