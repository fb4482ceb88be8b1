//! The generic netlink controller, which knows the number of the family `IPVS`.

use super::attribute::{put_string, put_u16};
use super::{Attributes, Header, MessageWriter, WireError};

/// This is the message type of the controller itself (`GENL_ID_CTRL`).
pub const CONTROLLER: u16 = 0x10;

/// This is the command that asks for a family by name (`CTRL_CMD_GETFAMILY`).
pub const GET_FAMILY: u8 = 3;

/// This is the command in the controller's answer (`CTRL_CMD_NEWFAMILY`).
pub const NEW_FAMILY: u8 = 1;

const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// `GENL_NAMSIZ`: a name with its NUL.
const NAME_LIMIT: usize = 16;

/// This is what the controller is asked for and says about a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct FamilyRecord<'a> {
    /// The family's number, by which its messages are addressed. It changes when the module is loaded again.
    pub id: Option<u16>,
    /// The family's name, without its NUL.
    pub name: Option<&'a [u8]>,
}

impl<'a> FamilyRecord<'a> {
    /// This asks for a family by its name.
    #[must_use]
    pub const fn named(name: &'a str) -> Self {
        Self { id: None, name: Some(name.as_bytes()) }
    }

    /// This is an answer: the family with this name has that number.
    #[must_use]
    pub const fn new(id: u16, name: &'a str) -> Self {
        Self { id: Some(id), name: Some(name.as_bytes()) }
    }

    /// This reads the controller's attributes; those that tell of operations and groups are passed over.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode(attributes: Attributes<'a>) -> Result<Self, WireError> {
        let mut record = Self::default();
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind() {
                FAMILY_ID => record.id = Some(attribute.u16()?),
                FAMILY_NAME => record.name = Some(attribute.string(NAME_LIMIT)?),
                _ => {}
            }
        }
        Ok(record)
    }

    /// This appends a message of the controller; `header.kind` has to be [`CONTROLLER`].
    pub fn encode(&self, buffer: &mut Vec<u8>, header: Header, command: u8) {
        let mut writer = MessageWriter::generic(buffer, header, command);
        if let Some(id) = self.id {
            put_u16(writer.buffer(), FAMILY_ID, id);
        }
        if let Some(name) = self.name {
            put_string(writer.buffer(), FAMILY_NAME, name);
        }
        writer.finish();
    }
}
