//! What 100,000 deliveries that wait hold in memory: to 20,000 destinations, and all to one.
//!
//! `cargo bench -p benches --bench queue_memory`

use model::{QueueId, Timestamp};
use mta::queue::{DeliveryKey, Destination, Schedule, ScheduleLimits};

const DELIVERIES: u64 = 100_000;
/// What the queue may hold: a machine of 2 GB shall not notice it.
const MEGABYTES_MAX: f64 = 100.0;
const PAGE_OCTETS: f64 = 4096.0;

fn main() -> anyhow::Result<()> {
    let mut kept = Vec::new();
    for destinations in [20_000, 1] {
        let before = resident_octets()?;
        let mut schedule = Schedule::new(ScheduleLimits::default());
        for n in 0..DELIVERIES {
            let key = DeliveryKey { id: QueueId(n), ordinal: 0 };
            let destination = Destination::Remote(format!("d{}.example.org", n % destinations).into());
            let due = Timestamp::from_unix_ms(i64::try_from(n)?);
            schedule.put(key, destination, due, Timestamp::from_unix_ms(i64::MAX));
        }
        let megabytes = (resident_octets()? - before) / 1e6;
        println!("{DELIVERIES} deliveries to {destinations} destinations: {megabytes:.1} MB");
        anyhow::ensure!(megabytes <= MEGABYTES_MAX, "more than {MEGABYTES_MAX} MB");
        kept.push(schedule);
    }
    anyhow::ensure!(kept.iter().all(|schedule| schedule.len() as u64 == DELIVERIES), "some are missing");
    Ok(())
}

fn resident_octets() -> anyhow::Result<f64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident: u32 = pages.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(f64::from(resident) * PAGE_OCTETS)
}
