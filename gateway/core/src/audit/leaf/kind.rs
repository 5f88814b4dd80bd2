//! The code lists of the leaf. A number, once given, is never given to something else.

/// Defines a closed list with its numbers and names.
macro_rules! code_list {
    ($(#[$meta:meta])* $list:ident { $($(#[$doc:meta])* $item:ident = $code:literal $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $list {
            $($(#[$doc])* $item,)*
        }

        impl $list {
            /// Every item, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$item),*];

            /// The number in the leaf.
            pub const fn code(self) -> u64 {
                match self { $(Self::$item => $code),* }
            }

            /// The name for people.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$item => $name),* }
            }

            /// The item with this number.
            pub const fn from_code(code: u64) -> Option<Self> {
                match code { $($code => Some(Self::$item),)* _ => None }
            }
        }
    };
}

code_list! {
    /// What kind of thing an entry tells.
    Kind {
        /// A request was decided: granted or refused.
        AccessDecided = 1 "access-decided",
        /// A streamed answer ended.
        AccessCompleted = 2 "access-completed",
        /// From here refusals of one client, reason and minute are counted, not logged one by one.
        RefusalWindowOpened = 3 "refusal-window-opened",
        /// The count of such a period.
        RefusalWindowClosed = 4 "refusal-window-closed",
        /// The policies or the administration changed.
        PolicyChanged = 5 "policy-changed",
        /// This log was opened; embeds the last checkpoint of the one before it.
        ShardOpened = 6 "shard-opened",
        /// This log was closed.
        ShardClosed = 7 "shard-closed",
        /// Private parts or keys were destroyed, by term or on request.
        Retention = 8 "retention",
        /// A key was made, rotated or withdrawn.
        KeyEvent = 9 "key-event",
        /// Somebody read the log.
        LogRead = 10 "log-read",
        /// A time stamp or witness signature was received.
        Anchor = 11 "anchor",
        /// A sequence number of this replica is in no leaf.
        Void = 12 "void",
        /// Something went wrong that a reader must know of.
        Incident = 13 "incident",
        /// A delivery became visible.
        Delivery = 14 "delivery",
        /// A recipient asked who is meant, or the holder answered.
        Resolution = 15 "resolution",
        /// A holder stopped a grant.
        Withdrawal = 16 "withdrawal",
        /// A replica started; its boot id counts from here.
        ReplicaStarted = 17 "replica-started",
        /// The figures of an epoch were released.
        EpochReleased = 18 "epoch-released",
    }
}

code_list! {
    /// The form of an answer, as in a grant.
    Form {
        /// Protected aggregates.
        Figures = 1 "figures",
        /// Pseudonymised rows.
        Records = 2 "records",
        /// A few fields about named pupils.
        Facts = 3 "facts",
        /// Rows that come in.
        Delivery = 4 "delivery",
        /// Pseudonyms of one recipient and purpose for another.
        Translate = 5 "translate",
        /// Asking the holder which pupil is meant.
        Resolve = 6 "resolve",
        /// Restrictions and objections of pupils.
        Restrict = 7 "restrict",
        /// A pupil's place in the log.
        Search = 8 "search",
    }
}
