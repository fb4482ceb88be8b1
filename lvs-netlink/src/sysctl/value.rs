//! The types of values.

/// This is a switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a switch has two positions")]
pub enum Switch {
    /// 0.
    #[default]
    Off,
    /// 1.
    On,
}

/// This is how a defense against overload is switched (`drop_entry`, `drop_packet`, `secure_tcp`).
///
/// In the automatic modes the kernel compares free memory with `amemthresh` every second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the kernel accepts 0 to 3")]
pub enum Defense {
    /// 0: never at work.
    #[default]
    Off,
    /// 1: automatic, not at work now.
    Ready,
    /// 2: automatic, at work now.
    Active,
    /// 3: always at work.
    Always,
}

/// This is what happens to a connection in TIME_WAIT or CLOSE when its client opens a new one from the same port (`conn_reuse_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConnectionReuse {
    /// 0: the new one goes to the same real server, even if it is draining.
    Same,
    /// 1: it is scheduled anew.
    Reschedule,
    /// 2: it is scheduled anew, also from FIN_WAIT where the director does not see the answers.
    RescheduleFinWait,
    /// Another number, of which bit 1 decides about FIN_WAIT.
    Other(u32),
}

/// This says which packets of a connection are told to the backup director (`sync_threshold`): of every `period` packets the one at `threshold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the two numbers of the file")]
pub struct SyncThreshold {
    /// The packet's place in its period; the kernel wants less than `period` unless that is 0.
    pub threshold: u32,
    /// The length of a period in packets; 0 tells only changes of state.
    pub period: u32,
}

/// This is a type that values of sysctls have.
pub trait SysctlValue: Sized {
    /// What is expected, in words.
    const EXPECTED: &'static str;

    /// Reads the text of the file, without the line's end.
    #[must_use]
    fn from_text(text: &str) -> Option<Self>;

    /// The text for the file.
    #[must_use]
    fn to_text(&self) -> String;
}

impl SysctlValue for Switch {
    const EXPECTED: &'static str = "0 or 1";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "0" => Some(Self::Off),
            "1" => Some(Self::On),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        (*self as u8).to_string()
    }
}

impl SysctlValue for Defense {
    const EXPECTED: &'static str = "0 to 3";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "0" => Some(Self::Off),
            "1" => Some(Self::Ready),
            "2" => Some(Self::Active),
            "3" => Some(Self::Always),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        (*self as u8).to_string()
    }
}

impl SysctlValue for ConnectionReuse {
    const EXPECTED: &'static str = "a number from 0 up";

    fn from_text(text: &str) -> Option<Self> {
        Some(match text.parse().ok()? {
            0 => Self::Same,
            1 => Self::Reschedule,
            2 => Self::RescheduleFinWait,
            other => Self::Other(other),
        })
    }

    fn to_text(&self) -> String {
        match self {
            Self::Same => "0".into(),
            Self::Reschedule => "1".into(),
            Self::RescheduleFinWait => "2".into(),
            Self::Other(number) => number.to_string(),
        }
    }
}

macro_rules! numbers {
    ($($number:ty: $expected:literal;)*) => {
        $(impl SysctlValue for $number {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn to_text(&self) -> String {
                self.to_string()
            }
        })*
    };
}

numbers! {
    u32: "a number from 0 up";
    i32: "a number";
}

impl SysctlValue for String {
    const EXPECTED: &'static str = "a line of text";

    fn from_text(text: &str) -> Option<Self> {
        if text.contains('\n') { None } else { Some(text.into()) }
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

impl SysctlValue for SyncThreshold {
    const EXPECTED: &'static str = "two numbers from 0 up";

    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let read = Self { threshold: words.next()?.parse().ok()?, period: words.next()?.parse().ok()? };
        if words.next().is_some() { None } else { Some(read) }
    }

    fn to_text(&self) -> String {
        format!("{} {}", self.threshold, self.period)
    }
}
