//! The emulator's clock. It never runs by itself in tests: jobs tick when it is advanced.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// Where time comes from: the machine (demo, stand-alone server) or a value that tests advance.
#[derive(Debug, Clone)]
pub enum Clock {
    /// Machine time, sped up `rate` times from the moment the clock was made (1 = real time).
    Running { started: Timestamp, rate: i32 },
    /// Stands still until it is advanced.
    Manual { now: Timestamp },
}

impl Clock {
    pub fn running(rate: i32) -> Clock {
        Clock::Running {
            started: Timestamp::now(),
            rate,
        }
    }

    pub fn manual(now: Timestamp) -> Clock {
        Clock::Manual { now }
    }

    pub fn now(&self) -> Timestamp {
        match self {
            Clock::Running { started, rate } => {
                let elapsed = Timestamp::now().duration_since(*started);
                *started + elapsed * *rate
            }
            Clock::Manual { now } => *now,
        }
    }

    /// Moves a manual clock. A running clock moves by itself and ignores this.
    pub fn advance(&mut self, by: SignedDuration) {
        if let Clock::Manual { now } = self {
            *now += by;
        }
    }

    /// `yyyy-MM-dd HH:mm:ss` in `zone`, as StarRocks prints times.
    pub fn format(at: Timestamp, zone: &TimeZone) -> String {
        at.to_zoned_datetime(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }
}
