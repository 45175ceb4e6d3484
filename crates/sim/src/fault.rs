//! What goes wrong on purpose, and how often it did.

/// A kind of misfortune.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// The process dies between two polls of any two of its tasks; what was not durable is lost.
    Crash,
    /// It dies once more before it has started.
    CrashAtStart,
    /// It is told to stop, and started again.
    Restart,
    /// A sync fails and the store is opened anew: some of what waited is there, everybody is told it failed.
    StoreReopened,
    /// A commit finds no space.
    StoreNoSpace,
    /// The disk is full for a while; only what makes room is taken.
    StoreFull,
    /// Nothing is written for a while.
    StoreReadOnly,
    /// A commit takes seconds.
    StoreSlow,
    /// Rows cannot be read.
    StoreUnreadable,
    /// Writing a blob fails.
    BlobFailed,
    /// There is no room for blobs for a while.
    BlobsFull,
    /// A client's connection breaks at some octet that it sends.
    ClientCut,
    /// It breaks at some octet that it reads.
    ClientDeaf,
    /// A client says nothing for minutes.
    ClientStall,
    /// A client sends one octet at a time, with seconds between.
    ClientDrip,
    /// A client sends what is no command.
    ClientGarbage,
    /// A client announces another size than it sends.
    ClientLie,
    /// A client goes away in the middle of a transaction, in good order.
    ClientReset,
    /// A next hop refuses the connection.
    HopRefused,
    /// A next hop lets the connection hang.
    HopSilent,
    /// A next hop says 4xx.
    HopLater,
    /// A next hop says 5xx.
    HopNever,
    /// A next hop hangs up.
    HopClose,
    /// A next hop takes a message and hangs up before it says so.
    HopMute,
    /// A next hop says nothing any more.
    HopStall,
    /// A next hop answers octet by octet, without end.
    HopDrip,
    /// A next hop answers after minutes.
    HopSlow,
    /// A next hop says what is no answer.
    HopGarbage,
    /// DNS gives no answer.
    DnsTimeout,
    /// DNS says that a domain does not exist.
    DnsNoName,
    /// The wall clock is set forth.
    ClockForth,
    /// The wall clock is set back.
    ClockBack,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 32] = [
        Fault::Crash,
        Fault::CrashAtStart,
        Fault::Restart,
        Fault::StoreReopened,
        Fault::StoreNoSpace,
        Fault::StoreFull,
        Fault::StoreReadOnly,
        Fault::StoreSlow,
        Fault::StoreUnreadable,
        Fault::BlobFailed,
        Fault::BlobsFull,
        Fault::ClientCut,
        Fault::ClientDeaf,
        Fault::ClientStall,
        Fault::ClientDrip,
        Fault::ClientGarbage,
        Fault::ClientLie,
        Fault::ClientReset,
        Fault::HopRefused,
        Fault::HopSilent,
        Fault::HopLater,
        Fault::HopNever,
        Fault::HopClose,
        Fault::HopMute,
        Fault::HopStall,
        Fault::HopDrip,
        Fault::HopSlow,
        Fault::HopGarbage,
        Fault::DnsTimeout,
        Fault::DnsNoName,
        Fault::ClockForth,
        Fault::ClockBack,
    ];
}

/// How often each kind happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally([u64; Fault::ALL.len()]);

impl Tally {
    /// Once more.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds those of another world.
    pub fn add(&mut self, other: &Tally) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    /// All together.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}
