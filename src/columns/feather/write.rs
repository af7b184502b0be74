//! Writing.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use lz4_flex::frame::FrameEncoder;
use polars_arrow_format::ipc::planus::Builder;
use polars_arrow_format::ipc::{
    Block, BodyCompression, BodyCompressionMethod, Buffer, CompressionType, Endianness, Field, FieldNode,
    FloatingPoint, Footer, Int, Message, MessageHeader, MetadataVersion, Precision, RecordBatch, Schema, TimeUnit,
    Timestamp, Type, Utf8,
};

use super::super::{BATCH_ROWS, Column, ColumnsError, Table, rows};
use super::{ALIGNMENT, CONTINUATION, MAGIC};

/// Writes a table as pandas does: batches of 65,536 rows, each buffer compressed with LZ4.
pub(in super::super) fn write(path: &Path, file: &mut BufWriter<File>, table: &Table) -> Result<(), ColumnsError> {
    let mut out = Out { file, at: 0 };
    whole(&mut out, table).map_err(|error| ColumnsError::io(path, error))
}

/// A file, and how much of it was written.
struct Out<'a> {
    file: &'a mut BufWriter<File>,
    at: usize,
}

fn whole(out: &mut Out<'_>, table: &Table) -> std::io::Result<()> {
    let schema = schema(table);
    out.write(MAGIC)?;
    out.pad(8)?;
    out.message(MessageHeader::Schema(Box::new(schema.clone())), &[])?;
    let (mut blocks, all) = (Vec::new(), rows(table));
    for from in (0..all).step_by(BATCH_ROWS) {
        let (batch, body) = batch(table, from, all.min(from + BATCH_ROWS))?;
        blocks.push(out.message(MessageHeader::RecordBatch(Box::new(batch)), &body)?);
    }
    out.write(&CONTINUATION)?;
    out.write(&[0; 4])?;
    let footer = Footer {
        version: MetadataVersion::V5,
        schema: Some(Box::new(schema)),
        dictionaries: Some(Vec::new()),
        record_batches: Some(blocks),
        custom_metadata: None,
    };
    let mut builder = Builder::new();
    let footer = builder.finish(footer, None);
    out.write(footer)?;
    out.write(&(footer.len() as i32).to_le_bytes())?;
    out.write(MAGIC)
}

impl Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.at += bytes.len();
        self.file.write_all(bytes)
    }

    fn pad(&mut self, to: usize) -> std::io::Result<()> {
        let zeros = self.at.next_multiple_of(to) - self.at;
        self.write(&vec![0; zeros])
    }

    fn message(&mut self, header: MessageHeader, body: &[u8]) -> std::io::Result<Block> {
        let offset = self.at;
        let message = Message {
            version: MetadataVersion::V5,
            header: Some(header),
            body_length: body.len() as i64,
            custom_metadata: None,
        };
        let mut builder = Builder::new();
        let message = builder.finish(message, None);
        // The length that is written counts the zeros up to where the body begins.
        let padded = (offset + 8 + message.len()).next_multiple_of(ALIGNMENT) - offset - 8;
        self.write(&CONTINUATION)?;
        self.write(&(padded as i32).to_le_bytes())?;
        self.write(message)?;
        self.pad(ALIGNMENT)?;
        let meta_data_length = (self.at - offset) as i32;
        self.write(body)?;
        Ok(Block { offset: offset as i64, meta_data_length, body_length: body.len() as i64 })
    }
}

fn schema(table: &Table) -> Schema {
    let field = |(name, column): &(String, Column)| Field {
        name: Some(name.clone()),
        nullable: true,
        type_: Some(match column {
            Column::Instants(_) => {
                Type::Timestamp(Box::new(Timestamp { unit: TimeUnit::Millisecond, timezone: Some("UTC".to_owned()) }))
            }
            Column::Whole(_) => Type::Int(Box::new(Int { bit_width: 64, is_signed: true })),
            Column::Numbers(_) => Type::FloatingPoint(Box::new(FloatingPoint { precision: Precision::Double })),
            Column::Texts(_) => Type::Utf8(Box::new(Utf8 {})),
        }),
        dictionary: None,
        children: Some(Vec::new()),
        custom_metadata: None,
    };
    Schema {
        endianness: Endianness::Little,
        fields: Some(table.iter().map(field).collect()),
        custom_metadata: None,
        features: None,
    }
}

/// The rows of a part of the table.
fn batch(table: &Table, from: usize, until: usize) -> std::io::Result<(RecordBatch, Vec<u8>)> {
    let (mut body, mut buffers) = (Vec::new(), Vec::new());
    let length = (until - from) as i64;
    let mut add = |bytes: &[u8]| -> std::io::Result<()> {
        let offset = body.len();
        if !bytes.is_empty() {
            body.extend_from_slice(&(bytes.len() as i64).to_le_bytes());
            let mut packed = FrameEncoder::new(&mut body);
            packed.write_all(bytes)?;
            packed.finish().map_err(std::io::Error::other)?;
        }
        buffers.push(Buffer { offset: offset as i64, length: (body.len() - offset) as i64 });
        body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
        Ok(())
    };
    for (_, column) in table {
        // No value is missing, and so nothing says which ones are.
        add(&[])?;
        match column {
            Column::Instants(values) | Column::Whole(values) => {
                add(&values[from..until].iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())?;
            }
            Column::Numbers(values) => {
                add(&values[from..until].iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())?;
            }
            Column::Texts(values) => {
                let texts = &values[from..until];
                let ends = texts.iter().scan(0_i32, |end, text| {
                    *end += text.len() as i32;
                    Some(*end)
                });
                add(&[0].into_iter().chain(ends).flat_map(i32::to_le_bytes).collect::<Vec<_>>())?;
                add(texts.concat().as_bytes())?;
            }
        }
    }
    let node = FieldNode { length, null_count: 0 };
    let compression = BodyCompression { codec: CompressionType::Lz4Frame, method: BodyCompressionMethod::Buffer };
    let batch = RecordBatch {
        length,
        nodes: Some(vec![node; table.len()]),
        buffers: Some(buffers),
        compression: Some(Box::new(compression)),
        variadic_buffer_counts: None,
    };
    Ok((batch, body))
}
