//! What a process uses: memory and processor time, from `/proc`.

use std::fs;
use std::io::{self, Error};
use std::time::Duration;

use crate::Process;

impl Process {
    /// Resident memory now, in KiB.
    ///
    /// # Errors
    /// The process is gone.
    pub fn resident_kib(&self) -> io::Result<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most resident memory since [`Process::reset_peak`], in KiB.
    ///
    /// # Errors
    /// The process is gone.
    pub fn peak_kib(&self) -> io::Result<u64> {
        self.memory_kib("VmHWM:")
    }

    /// Counts the peak from now on.
    ///
    /// # Errors
    /// The process is gone, or the kernel does not allow it.
    pub fn reset_peak(&self) -> io::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")
    }

    /// Processor time used until now, the user's and the system's.
    ///
    /// # Errors
    /// The process is gone.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        cpu_time_of(&self.child.id().to_string())
    }

    fn memory_kib(&self, key: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
        number.ok_or_else(|| Error::other(format!("/proc has no {key}")))
    }
}

/// Processor time that this process has used.
///
/// # Errors
/// `/proc` cannot be read.
pub fn own_cpu_time() -> io::Result<Duration> {
    cpu_time_of("self")
}

fn cpu_time_of(process: &str) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything; what follows it begins with the third field. User's and system's are the
    // 14th and the 15th.
    let numbers = stat.rsplit_once(')').map_or("", |(_, numbers)| numbers);
    let ticks: Option<Vec<u64>> = numbers.split_whitespace().skip(11).take(2).map(|number| number.parse().ok()).collect();
    let ticks = ticks.filter(|ticks| ticks.len() == 2).ok_or_else(|| Error::other("/proc has no processor time"))?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis(ticks.iter().sum::<u64>().saturating_mul(1000) / per_second))
}
