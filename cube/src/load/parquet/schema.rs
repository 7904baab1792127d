//! What the columns of a Parquet file are.

use std::fmt;

use ::parquet::{
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType},
    schema::types::{SchemaDescriptor, Type},
};

use crate::{
    limits::DECIMAL_PRECISION_MAX,
    load::{
        LoadErrors,
        report::{Place, Report},
    },
    value::ColumnType,
};

/// A column of a Parquet file.
#[derive(Debug)]
pub(super) struct FileColumn {
    pub(super) name: String,
    pub(super) file_type: FileType,
    pub(super) is_nullable: bool,
}

/// What the values of a column are, however they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileType {
    Bool,
    Integer {
        is_signed: bool,
    },
    Double,
    Decimal {
        precision: i32,
        scale: u32,
    },
    Text,
    Date,
    /// So many to a second.
    Timestamp {
        per_second: i64,
    },
}

pub(super) fn read_schema(schema: &SchemaDescriptor, report: &mut Report) -> Result<Vec<FileColumn>, LoadErrors> {
    let mut columns: Vec<FileColumn> = Vec::new();
    for (index, field) in schema.root_schema().get_fields().iter().enumerate() {
        let name = field.name();
        let place = Place { column: Some(name), ..Place::default() };
        if name.trim().is_empty() {
            report.add(Place::default(), format!("column {} has an empty name", index + 1));
        } else if columns.iter().any(|earlier| earlier.name == name) {
            report.add(place, "is the name of two columns");
        }
        match file_type(field) {
            Ok(file_type) => {
                let is_nullable = field.get_basic_info().repetition() == Repetition::OPTIONAL;
                columns.push(FileColumn { name: name.to_owned(), file_type, is_nullable });
            }
            Err(found) => report.add(place, format!("is {found}, and a table has nothing for that")),
        }
    }
    report.check()?;
    Ok(columns)
}

/// The type of a column, or a name for what it is instead.
fn file_type(field: &Type) -> Result<FileType, String> {
    let info = field.get_basic_info();
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    if field.is_group() {
        return Err(match (logical, converted) {
            (Some(LogicalType::List), _) | (_, ConvertedType::LIST) => "a list",
            (Some(LogicalType::Map), _) | (_, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE) => "a map",
            _ => "a struct",
        }
        .to_owned());
    }
    if info.has_repetition() && info.repetition() == Repetition::REPEATED {
        return Err("a list".to_owned());
    }
    let physical = field.get_physical_type();
    let integer = |is_signed| FileType::Integer { is_signed };
    let decimal = || match (field.get_precision(), u32::try_from(field.get_scale())) {
        (precision @ 1.., Ok(scale)) if i64::from(scale) <= precision.into() => {
            Ok(FileType::Decimal { precision, scale })
        }
        (precision, _) => Err(format!("decimal({precision},{})", field.get_scale())),
    };
    match (physical, logical, converted) {
        (PhysicalType::BOOLEAN, ..) => Ok(FileType::Bool),
        (PhysicalType::FLOAT | PhysicalType::DOUBLE, ..) => Ok(FileType::Double),
        (PhysicalType::INT96, ..) => Ok(FileType::Timestamp { per_second: 1_000_000_000 }),
        (_, Some(LogicalType::Decimal(_)), _) | (_, None, ConvertedType::DECIMAL) => decimal(),
        (PhysicalType::INT32, Some(LogicalType::Date), _) | (PhysicalType::INT32, None, ConvertedType::DATE) => {
            Ok(FileType::Date)
        }
        (PhysicalType::INT64, Some(LogicalType::Timestamp(timestamp)), _) => Ok(FileType::Timestamp {
            per_second: match timestamp.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            },
        }),
        (PhysicalType::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => Ok(FileType::Timestamp { per_second: 1_000 }),
        (PhysicalType::INT64, None, ConvertedType::TIMESTAMP_MICROS) => {
            Ok(FileType::Timestamp { per_second: 1_000_000 })
        }
        (PhysicalType::INT32 | PhysicalType::INT64, Some(LogicalType::Integer(width)), _) => {
            Ok(integer(width.is_signed))
        }
        (
            PhysicalType::INT32 | PhysicalType::INT64,
            None,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
        ) => Ok(integer(false)),
        (
            PhysicalType::INT32 | PhysicalType::INT64,
            None,
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64,
        ) => Ok(integer(true)),
        (PhysicalType::BYTE_ARRAY, Some(LogicalType::String | LogicalType::Enum | LogicalType::Json), _)
        | (
            PhysicalType::BYTE_ARRAY,
            None,
            ConvertedType::NONE | ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON,
        ) => Ok(FileType::Text),
        (_, Some(LogicalType::Time(_)), _) | (_, None, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
            Err("a time of day".to_owned())
        }
        (_, Some(LogicalType::Uuid), _) => Err("a UUID".to_owned()),
        (_, Some(logical), _) => Err(format!("{logical:?}")),
        (_, None, ConvertedType::NONE) => Err(format!("{physical:?}")),
        (_, None, converted) => Err(format!("{converted:?}")),
    }
}

impl FileType {
    /// The type that has all of the values, if there is one.
    pub(super) fn natural_type(self) -> Option<ColumnType> {
        Some(match self {
            Self::Bool => ColumnType::Bool,
            Self::Integer { .. } => ColumnType::Int64,
            Self::Double => ColumnType::Double,
            Self::Decimal { precision, scale } => ColumnType::Decimal {
                precision: u8::try_from(precision).ok().filter(|precision| *precision <= DECIMAL_PRECISION_MAX)?,
                scale: u8::try_from(scale).ok()?,
            },
            Self::Text => ColumnType::String,
            Self::Date => ColumnType::Date,
            Self::Timestamp { .. } => ColumnType::Timestamp,
        })
    }

    /// Whether a value can be one of that type without another meaning.
    pub(super) fn can_become(self, column_type: ColumnType) -> bool {
        let has_same_type = self.natural_type() == Some(column_type);
        has_same_type
            || match self {
                Self::Text => true,
                Self::Bool | Self::Timestamp { .. } => column_type == ColumnType::String,
                Self::Integer { .. } => {
                    matches!(column_type, ColumnType::Double | ColumnType::Decimal { .. } | ColumnType::String)
                }
                Self::Double => false,
                Self::Decimal { .. } => matches!(column_type, ColumnType::Double | ColumnType::Decimal { .. }),
                Self::Date => matches!(column_type, ColumnType::Timestamp | ColumnType::String),
            }
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Integer { is_signed: true } => f.write_str("an integer"),
            Self::Integer { is_signed: false } => f.write_str("an unsigned integer"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Text => f.write_str("string"),
            Self::Date => f.write_str("date"),
            Self::Timestamp { .. } => f.write_str("timestamp"),
        }
    }
}
