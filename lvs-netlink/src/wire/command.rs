//! The commands of the family `IPVS`.

/// This is the name by which the kernel's IPVS is found among the generic netlink families.
pub const FAMILY_NAME: &str = "IPVS";

/// This is the family's version, which the kernel does not check.
pub const FAMILY_VERSION: u8 = 1;

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        /// This is a command of the family `IPVS` (`IPVS_CMD_*`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Command {
            $($(#[$doc])* $name = $number,)*
        }

        impl Command {
            /// Every command, in the order of their numbers.
            pub const ALL: [Command; 17] = [$(Command::$name),*];

            /// This is the command with a number, if there is one.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    /// Add a service; also the command in the answers to `GetService`.
    NewService = 1;
    /// Replace a service's settings.
    SetService = 2;
    /// Remove a service and its destinations.
    DelService = 3;
    /// Read one service, or as a dump all of them, without their destinations.
    GetService = 4;
    /// Add a destination; also the command in the answers to `GetDest`.
    NewDest = 5;
    /// Replace a destination's settings.
    SetDest = 6;
    /// Remove a destination.
    DelDest = 7;
    /// Read a service's destinations; a dump only.
    GetDest = 8;
    /// Start a sync daemon; also the command in the answers to `GetDaemon`.
    NewDaemon = 9;
    /// Stop a sync daemon.
    DelDaemon = 10;
    /// Read the running sync daemons; a dump only.
    GetDaemon = 11;
    /// Set the TCP and UDP timeouts; also the command in the answer to `GetConfig`.
    SetConfig = 12;
    /// Read the TCP and UDP timeouts.
    GetConfig = 13;
    /// The command in the answer to `GetInfo`; never a request.
    SetInfo = 14;
    /// Read the version and the size of the connection table.
    GetInfo = 15;
    /// Set the counters of one service, or of everything, to zero.
    Zero = 16;
    /// Remove all services.
    Flush = 17;
}

impl Command {
    /// This is the command's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// This is the command that the kernel's answers carry, for those that have answers with data.
    #[must_use]
    pub const fn reply(self) -> Option<Command> {
        match self {
            Command::GetService => Some(Command::NewService),
            Command::GetDest => Some(Command::NewDest),
            Command::GetDaemon => Some(Command::NewDaemon),
            Command::GetConfig => Some(Command::SetConfig),
            Command::GetInfo => Some(Command::SetInfo),
            _ => None,
        }
    }
}
