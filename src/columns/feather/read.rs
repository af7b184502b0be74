//! Reading.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use lz4_flex::frame::FrameDecoder;
use polars_arrow_format::ipc::planus::ReadAsRoot;
use polars_arrow_format::ipc::{
    Block, Buffer, CompressionType, Endianness, Field, Footer, FooterRef, Message, MessageHeader, MessageRef,
    MetadataVersion, Precision, RecordBatch, Schema, TimeUnit, Type,
};

use super::super::{Batch, ColumnsError, Wanted, find, unitless};
use super::{CONTINUATION, MAGIC};

/// Metadata of a file or a batch at most. Ten years of minutes take a few kilobytes; the bound keeps what is nested in it
/// from being deeper than the stack.
const MAX_METADATA_BYTES: usize = 1 << 16;
/// Rows of a batch at most; pandas writes 65,536, others whole files.
const MAX_BATCH_ROWS: usize = 1 << 26;

const REMEDY: &str = "write it anew, with LZ4 or uncompressed";

#[derive(Debug)]
pub(in super::super) struct Reader {
    path: PathBuf,
    file: File,
    length: u64,
    pub(in super::super) instants_name: &'static str,
    /// The columns wanted: instants first.
    columns: Vec<Place>,
    /// Buffers and nodes that a batch has.
    buffers: usize,
    nodes: usize,
    blocks: std::vec::IntoIter<Block>,
}

/// A column wanted.
#[derive(Debug, Clone)]
struct Place {
    name: String,
    kind: Kind,
    /// Its node among those of a batch.
    node: usize,
    /// Its first buffer among those of a batch: which values there are. The next one has the values.
    buffer: usize,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Whole numbers of 64 bits in so many nanoseconds.
    Instants(i64),
    Int64,
    Int32,
    Float64,
    Float32,
}

impl Reader {
    pub(in super::super) fn open(path: &Path, wanted: Wanted) -> Result<Reader, ColumnsError> {
        let io = |error| ColumnsError::io(path, error);
        let damaged =
            |what: String| ColumnsError::damaged(path, format!("it is not a whole feather file: {what}; {REMEDY}"));
        let mut file = File::open(path).map_err(io)?;
        let length = file.seek(SeekFrom::End(0)).map_err(io)?;
        let footer = footer(&mut file, length).map_err(damaged)?;
        let schema = footer.schema.ok_or_else(|| damaged("it has no schema".to_owned()))?;
        let (fields, nodes, buffers) = layout(&schema).map_err(|what| ColumnsError::damaged(path, what))?;
        let there: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let (instants_name, places) = find(path, &there, wanted)?;
        let columns = places.iter().enumerate().map(|(at, place)| {
            let field = &fields[*place];
            let kind = field.kind.filter(|kind| is_read(*kind, at == 0)).ok_or_else(|| {
                let what = format!(
                    "column {} holds something other than {}",
                    field.name,
                    if at == 0 { "instants" } else { "numbers" }
                );
                ColumnsError::Column { path: path.to_owned(), what, there: there.clone() }
            })?;
            Ok(Place { name: field.name.clone(), kind, node: field.node, buffer: field.buffer })
        });
        let columns = columns.collect::<Result<Vec<_>, ColumnsError>>()?;
        let blocks = footer.record_batches.unwrap_or_default().into_iter();
        Ok(Reader { path: path.to_owned(), file, length, instants_name, columns, buffers, nodes, blocks })
    }

    pub(in super::super) fn next_batch(&mut self) -> Result<Option<Batch>, ColumnsError> {
        let Some(block) = self.blocks.next() else { return Ok(None) };
        let batch = self.batch(&block);
        batch.map(Some).map_err(|what| {
            ColumnsError::damaged(&self.path, format!("it is not a whole feather file: {what}; {REMEDY}"))
        })
    }

    fn batch(&mut self, block: &Block) -> Result<Batch, String> {
        let (header, body) = self.place(block)?;
        let message = self.message(block, header)?;
        let Some(MessageHeader::RecordBatch(batch)) = message.header else {
            return Err("a message that should hold rows does not".to_owned());
        };
        let rows = usize::try_from(batch.length).ok().filter(|rows| *rows <= MAX_BATCH_ROWS);
        let rows = rows.ok_or_else(|| format!("a batch says that it has {} rows", batch.length))?;
        let (nodes, buffers) =
            (batch.nodes.as_deref().unwrap_or_default(), batch.buffers.as_deref().unwrap_or_default());
        if nodes.len() != self.nodes || buffers.len() != self.buffers {
            return Err("a batch has other columns than the file".to_owned());
        }
        let mut read = Batch::default();
        for (at, place) in self.columns.clone().iter().enumerate() {
            if nodes[place.node].length != batch.length {
                return Err(format!("column {} is not as long as its batch", place.name));
            }
            let there = match nodes[place.node].null_count {
                0 => None,
                _ => Some(self.buffer(body, &batch, &buffers[place.buffer], rows.div_ceil(8))?),
            };
            let width = place.kind.width();
            let values = self.buffer(body, &batch, &buffers[place.buffer + 1], rows * width)?;
            let is_there = |row: usize| there.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
            if at == 0 {
                let instant = |(row, bytes): (usize, &[u8])| is_there(row).then(|| place.kind.instant(bytes)).flatten();
                read.instants = values.chunks_exact(width).enumerate().map(instant).collect();
            } else {
                let number =
                    |(row, bytes): (usize, &[u8])| if is_there(row) { place.kind.number(bytes) } else { f64::NAN };
                read.numbers.push(values.chunks_exact(width).enumerate().map(number).collect());
            }
        }
        Ok(read)
    }

    /// Where a block's message and body begin, if they lie within the file.
    fn place(&self, block: &Block) -> Result<(u64, u64), String> {
        let inside = || {
            let (start, metadata) = (u64::try_from(block.offset).ok()?, u64::try_from(block.meta_data_length).ok()?);
            let body = start.checked_add(metadata)?;
            let end = body.checked_add(u64::try_from(block.body_length).ok()?)?;
            (end <= self.length && metadata <= MAX_METADATA_BYTES as u64).then_some((start, body))
        };
        inside().ok_or_else(|| "a batch lies outside of it".to_owned())
    }

    fn message(&mut self, block: &Block, at: u64) -> Result<Message, String> {
        let bytes = exact(&mut self.file, at, usize::try_from(block.meta_data_length).unwrap_or_default())?;
        let rest = bytes.strip_prefix(&CONTINUATION).unwrap_or(&bytes);
        let body = rest.get(4..).ok_or("a message is too short")?;
        let message = MessageRef::read_as_root(body).and_then(Message::try_from);
        message.map_err(|error| format!("a message cannot be read ({error})"))
    }

    /// Unpacks the first `wanted` bytes of a buffer.
    fn buffer(&mut self, body: u64, batch: &RecordBatch, buffer: &Buffer, wanted: usize) -> Result<Vec<u8>, String> {
        let place =
            || Some((body.checked_add(u64::try_from(buffer.offset).ok()?)?, u64::try_from(buffer.length).ok()?));
        let (start, length) = place().ok_or("a buffer lies outside of the file")?;
        if start.checked_add(length).is_none_or(|end| end > self.length) {
            return Err("a buffer lies outside of the file".to_owned());
        }
        let length = usize::try_from(length).unwrap_or_default();
        let short = || format!("a buffer has fewer than the {wanted} bytes of its rows");
        let Some(compression) = batch.compression.as_deref() else {
            return if length < wanted { Err(short()) } else { exact(&mut self.file, start, wanted) };
        };
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let packed = exact(&mut self.file, start, length)?;
        // A buffer begins with its length when it is unpacked, which is -1 if it was not worth packing.
        let (unpacked, packed) = packed.split_first_chunk::<8>().ok_or_else(short)?;
        if i64::from_le_bytes(*unpacked) == -1 {
            return packed.get(..wanted).map(<[u8]>::to_vec).ok_or_else(short);
        }
        if compression.codec != CompressionType::Lz4Frame {
            return Err("it is compressed with Zstandard, which is not read".to_owned());
        }
        let mut bytes = vec![0; wanted];
        FrameDecoder::new(packed)
            .read_exact(&mut bytes)
            .map_err(|error| format!("a buffer cannot be unpacked ({error})"))?;
        Ok(bytes)
    }
}

/// So many bytes of a file.
fn exact(file: &mut File, at: u64, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
    read.map(|()| bytes).map_err(|error| error.to_string())
}

fn footer(file: &mut File, length: u64) -> Result<Footer, String> {
    const TAIL: u64 = 10;
    if length < 2 * TAIL || exact(file, 0, MAGIC.len())? != MAGIC {
        return Err("it does not begin as one".to_owned());
    }
    let tail = exact(file, length - TAIL, TAIL as usize)?;
    let (size, magic) = tail.split_first_chunk::<4>().ok_or("it ends early")?;
    if magic != MAGIC {
        return Err("it ends early".to_owned());
    }
    let size = usize::try_from(i32::from_le_bytes(*size)).unwrap_or(usize::MAX);
    if size > MAX_METADATA_BYTES || size as u64 + TAIL > length {
        return Err(format!("its footer says that it is {size} bytes long"));
    }
    let bytes = exact(file, length - TAIL - size as u64, size)?;
    let footer = FooterRef::read_as_root(&bytes).and_then(Footer::try_from);
    let footer = footer.map_err(|error| format!("its footer cannot be read ({error})"))?;
    if footer.version < MetadataVersion::V4 {
        return Err("it is of a version before 4 of the format".to_owned());
    }
    Ok(footer)
}

/// A column of the file.
struct Column {
    name: String,
    kind: Option<Kind>,
    node: usize,
    buffer: usize,
}

/// The columns, and how many nodes and buffers a batch of them has.
fn layout(schema: &Schema) -> Result<(Vec<Column>, usize, usize), String> {
    if schema.endianness != Endianness::Little {
        return Err("its numbers are big-endian, which is not read".to_owned());
    }
    let (mut columns, mut buffers) = (Vec::new(), 0);
    for (node, field) in schema.fields.iter().flatten().enumerate() {
        let name = field.name.clone().unwrap_or_default();
        let has =
            buffers_of(field).ok_or_else(|| format!("its column {name} is nested, which is not read; leave it out"))?;
        columns.push(Column { name, kind: kind(field), node, buffer: buffers });
        buffers += has;
    }
    let nodes = columns.len();
    Ok((columns, nodes, buffers))
}

/// How many buffers a column has; none if it has columns below it, or a number that differs by batch.
fn buffers_of(field: &Field) -> Option<usize> {
    // What is written by its number in a dictionary has the layout of that number.
    if field.dictionary.is_some() {
        return Some(2);
    }
    match field.type_.as_ref()? {
        Type::Null(_) => Some(0),
        Type::Int(_)
        | Type::FloatingPoint(_)
        | Type::Bool(_)
        | Type::Decimal(_)
        | Type::Date(_)
        | Type::Time(_)
        | Type::Timestamp(_)
        | Type::Interval(_)
        | Type::Duration(_)
        | Type::FixedSizeBinary(_) => Some(2),
        Type::Binary(_) | Type::Utf8(_) | Type::LargeBinary(_) | Type::LargeUtf8(_) => Some(3),
        _ => None,
    }
}

fn kind(field: &Field) -> Option<Kind> {
    if field.dictionary.is_some() {
        return None;
    }
    match field.type_.as_ref()? {
        Type::Timestamp(timestamp) => Some(Kind::Instants(match timestamp.unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        })),
        Type::Int(int) => match (int.bit_width, int.is_signed) {
            (64, _) => Some(Kind::Int64),
            (32, true) => Some(Kind::Int32),
            _ => None,
        },
        Type::FloatingPoint(float) => match float.precision {
            Precision::Double => Some(Kind::Float64),
            Precision::Single => Some(Kind::Float32),
            Precision::Half => None,
        },
        _ => None,
    }
}

fn is_read(kind: Kind, instants: bool) -> bool {
    match kind {
        Kind::Instants(_) => instants,
        Kind::Int64 => true,
        Kind::Int32 | Kind::Float64 | Kind::Float32 => !instants,
    }
}

impl Kind {
    fn width(self) -> usize {
        match self {
            Kind::Instants(_) | Kind::Int64 | Kind::Float64 => 8,
            Kind::Int32 | Kind::Float32 => 4,
        }
    }

    fn instant(self, bytes: &[u8]) -> Option<i64> {
        let value = i64::from_le_bytes(bytes.try_into().ok()?);
        match self {
            Kind::Instants(scale) => value.checked_mul(scale),
            Kind::Int64 | Kind::Int32 | Kind::Float64 | Kind::Float32 => unitless(value),
        }
    }

    fn number(self, bytes: &[u8]) -> f64 {
        let eight = || bytes.try_into().unwrap_or_default();
        let four = || bytes.try_into().unwrap_or_default();
        match self {
            Kind::Instants(_) | Kind::Int64 => i64::from_le_bytes(eight()) as f64,
            Kind::Float64 => f64::from_le_bytes(eight()),
            Kind::Int32 => f64::from(i32::from_le_bytes(four())),
            // As the number that it is written as: 0.1, and not 0.10000000149.
            Kind::Float32 => f32::from_le_bytes(four()).to_string().parse().unwrap_or(f64::NAN),
        }
    }
}
