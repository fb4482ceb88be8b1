//! IPVS scheduling as its specification tells it: lists, walks and loops, nothing clever. The schedulers of the crate must agree with it.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use lvs_model::{Family, Protocol, SchedulerFlags, SchedulerName};
use lvs_sched::algo::{Draws, Flow, Generation};

#[derive(Debug, Clone)]
pub(crate) struct Dest {
    pub(crate) name: usize,
    pub(crate) addr: IpAddr,
    pub(crate) port: u16,
    pub(crate) weight: i32,
    pub(crate) last_weight: i32,
    pub(crate) upper: u32,
    pub(crate) lower: u32,
    pub(crate) active: i32,
    /// Inactive connections, or all of them under TotalConns.
    pub(crate) rest: i32,
    pub(crate) overload: bool,
}

impl Dest {
    fn usable(&self) -> bool {
        !self.overload && self.weight > 0
    }
}

type Cursor = Option<usize>;

#[derive(Debug, Default)]
struct Wrr {
    cl: Cursor,
    cw: i64,
    mw: i64,
    di: i64,
}

#[derive(Debug)]
struct CacheEntry {
    set: Vec<usize>,
    last_use: Duration,
    last_mod: Duration,
}

#[derive(Debug)]
pub(crate) struct Naive {
    scheduler: SchedulerName,
    family: Family,
    generation: Generation,
    pub(crate) flags: SchedulerFlags,
    expiration: Duration,
    /// In list order: the newest first.
    pub(crate) list: Vec<Dest>,
    pub(crate) trash: Vec<Dest>,
    rr: Cursor,
    wrr: Wrr,
    table: Vec<usize>,
    cache: HashMap<IpAddr, CacheEntry>,
    /// When the timer fires next, and its counter.
    timer: Option<(Duration, u32)>,
}

impl Naive {
    pub(crate) fn new(scheduler: SchedulerName, family: Family, generation: Generation, expiration: Duration) -> Self {
        let mut naive = Self {
            scheduler,
            family,
            generation,
            flags: SchedulerFlags::EMPTY,
            expiration,
            list: Vec::new(),
            trash: Vec::new(),
            rr: None,
            wrr: Wrr::default(),
            table: Vec::new(),
            cache: HashMap::new(),
            timer: None,
        };
        naive.init();
        naive
    }

    pub(crate) fn switch(&mut self, scheduler: SchedulerName) {
        self.scheduler = scheduler;
        self.init();
    }

    fn init(&mut self) {
        self.rr = None;
        self.cache.clear();
        self.timer = None;
        let (g, m) = self.gcd_and_max();
        self.wrr = Wrr { cl: None, di: g, mw: m - (g - 1), cw: m - (g - 1) };
        self.fill();
    }

    fn gcd_and_max(&self) -> (i64, i64) {
        let g = self.list.iter().map(|d| i64::from(d.weight)).filter(|w| *w > 0).fold(0, gcd);
        let m = self.list.iter().map(|d| i64::from(d.weight)).max().unwrap_or(0);
        (if g == 0 { 1 } else { g }, m)
    }

    pub(crate) fn add(&mut self, mut new: Dest) {
        if let Some(at) = self.trash.iter().position(|old| old.name == new.name) {
            let old = self.trash.remove(at);
            (new.active, new.rest, new.overload) = (old.active, old.rest, old.overload);
            let (upper, lower) = (new.upper, new.lower);
            (new.upper, new.lower) = (old.upper, old.lower);
            configure(&mut new, upper, lower, self.generation);
        } else {
            let (upper, lower) = (new.upper, new.lower);
            (new.upper, new.lower) = (0, 0);
            configure(&mut new, upper, lower, self.generation);
        }
        new.last_weight = new.weight;
        self.list.insert(0, new);
        self.wrr_edited();
        self.fill();
    }

    pub(crate) fn edit(&mut self, name: usize, weight: i32, upper: u32, lower: u32) {
        let generation = self.generation;
        let dest = self.list.iter_mut().find(|d| d.name == name).unwrap();
        dest.weight = weight;
        if weight != 0 {
            dest.last_weight = weight;
        }
        configure(dest, upper, lower, generation);
        self.wrr_edited();
        if self.scheduler != SchedulerName::Dh {
            self.fill();
        }
    }

    pub(crate) fn remove(&mut self, name: usize) {
        let at = self.list.iter().position(|d| d.name == name).unwrap();
        let before = at.checked_sub(1).map(|before| self.list[before].name);
        let gone = self.list.remove(at);
        self.trash.push(gone);
        if self.rr == Some(name) {
            self.rr = before;
        }
        self.wrr_edited();
        self.fill();
    }

    fn wrr_edited(&mut self) {
        let (g, m) = self.gcd_and_max();
        let wrr = &mut self.wrr;
        (wrr.cl, wrr.di, wrr.mw) = (None, g, m - (g - 1));
        if wrr.cw > wrr.mw || wrr.cw == 0 {
            wrr.cw = wrr.mw;
        } else if wrr.di > 1 {
            wrr.cw = (wrr.cw / wrr.di) * wrr.di + 1;
        }
    }

    pub(crate) fn dest(&mut self, name: usize) -> &mut Dest {
        self.list.iter_mut().chain(&mut self.trash).find(|d| d.name == name).unwrap()
    }

    fn listed(&self, name: usize) -> Option<&Dest> {
        self.list.iter().find(|d| d.name == name)
    }

    fn any(&self, name: usize) -> &Dest {
        self.list.iter().chain(&self.trash).find(|d| d.name == name).unwrap()
    }

    pub(crate) fn bind(&mut self, name: usize) {
        let generation = self.generation;
        let d = self.dest(name);
        d.rest += 1;
        match generation {
            Generation::Classic => {
                if d.upper != 0 && (d.active + d.rest) as u32 >= d.upper {
                    d.overload = true;
                }
            }
            Generation::TotalConns => {
                if d.rest as u32 == d.upper {
                    update(d, 1);
                }
            }
        }
    }

    pub(crate) fn unbind(&mut self, name: usize, active: bool) {
        let generation = self.generation;
        let d = self.dest(name);
        match generation {
            Generation::Classic => {
                if active {
                    d.active -= 1;
                } else {
                    d.rest -= 1;
                }
                let t = (d.active + d.rest) as u32;
                if d.lower != 0 {
                    if t < d.lower {
                        d.overload = false;
                    }
                } else if d.upper != 0 {
                    if 4 * u64::from(t) < 3 * u64::from(d.upper) {
                        d.overload = false;
                    }
                } else {
                    d.overload = false;
                }
            }
            Generation::TotalConns => {
                if active {
                    d.active -= 1;
                }
                let old = d.rest;
                d.rest -= 1;
                if old as u32 == lower_mark(d) {
                    update(d, -1);
                }
            }
        }
    }

    pub(crate) fn set_active(&mut self, name: usize, active: bool) {
        let classic = self.generation == Generation::Classic;
        let d = self.dest(name);
        let by = if active { 1 } else { -1 };
        d.active += by;
        if classic {
            d.rest -= by;
        }
    }

    fn overhead(d: &Dest) -> i32 {
        (d.active << 8).wrapping_add(d.rest)
    }

    fn wleast<'a>(seq: impl Iterator<Item = &'a Dest>, cost: impl Fn(&Dest) -> i32) -> Option<&'a Dest> {
        let mut best: Option<&Dest> = None;
        for d in seq {
            match best {
                None if d.usable() => best = Some(d),
                Some(b)
                    if !d.overload
                        && i64::from(cost(b)) * i64::from(d.weight) > i64::from(cost(d)) * i64::from(b.weight) =>
                {
                    best = Some(d);
                }
                _ => {}
            }
        }
        best
    }

    pub(crate) fn pick(&mut self, flow: &Flow, draws: &mut dyn Draws) -> Option<usize> {
        match self.scheduler {
            SchedulerName::Rr => self.pick_rr(),
            SchedulerName::Wrr => self.pick_wrr(),
            SchedulerName::Lc => {
                let mut best: Option<&Dest> = None;
                for d in self.list.iter().filter(|d| d.usable()) {
                    if best.is_none_or(|b| (Self::overhead(d) as u32) < Self::overhead(b) as u32) {
                        best = Some(d);
                    }
                }
                best.map(|d| d.name)
            }
            SchedulerName::Wlc => Self::wleast(self.list.iter(), Self::overhead).map(|d| d.name),
            SchedulerName::Sed => Self::wleast(self.list.iter(), |d| d.active + 1).map(|d| d.name),
            SchedulerName::Nq => match self.list.iter().find(|d| d.usable() && d.active == 0) {
                Some(idle) => Some(idle.name),
                None => Self::wleast(self.list.iter().filter(|d| d.weight > 0), |d| d.active + 1).map(|d| d.name),
            },
            SchedulerName::Fo => self.heaviest(|_| true),
            SchedulerName::Ovf => self.heaviest(|d| d.active <= d.weight),
            SchedulerName::Dh => {
                let slot = h(fold(flow.target.addr), 8) as usize;
                let d = self.listed(*self.table.get(slot)?)?;
                d.usable().then_some(d.name)
            }
            SchedulerName::Sh => self.pick_sh(flow),
            SchedulerName::Mh => self.pick_mh(flow),
            SchedulerName::Lblc => self.pick_lblc(flow),
            SchedulerName::Lblcr => self.pick_lblcr(flow),
            SchedulerName::Twos => self.pick_twos(draws),
            other => panic!("{other}"),
        }
    }

    fn heaviest(&self, room: impl Fn(&Dest) -> bool) -> Option<usize> {
        let mut best: Option<&Dest> = None;
        for d in self.list.iter().filter(|d| d.usable() && room(d)) {
            if best.is_none_or(|b| d.weight > b.weight) {
                best = Some(d);
            }
        }
        best.map(|d| d.name)
    }

    fn pick_rr(&mut self) -> Option<usize> {
        let n = self.list.len();
        let start = self.rr.map(|name| self.list.iter().position(|d| d.name == name).unwrap() + 1).unwrap_or(0);
        let pick = (0..n).map(|i| &self.list[(start + i) % n]).find(|d| d.usable())?.name;
        self.rr = Some(pick);
        Some(pick)
    }

    fn pick_wrr(&mut self) -> Option<usize> {
        let Self { wrr, list, .. } = self;
        if wrr.mw == 0 {
            return None;
        }
        let start = wrr.cl;
        let mut pos = wrr.cl.map_or(0, |name| list.iter().position(|d| d.name == name).unwrap() + 1);
        let (mut last_pass, mut wrapped, mut limit) = (false, false, None);
        loop {
            for d in &list[pos..] {
                if !d.overload && i64::from(d.weight) >= wrr.cw {
                    wrr.cl = Some(d.name);
                    return Some(d.name);
                }
                if limit == Some(d.name) {
                    wrr.cl = Some(d.name);
                    return None;
                }
            }
            wrr.cw -= wrr.di;
            if wrr.cw <= 0 {
                wrr.cw = wrr.mw;
                if last_pass || start.is_none() {
                    wrr.cl = None;
                    return None;
                }
                wrapped = true;
            }
            last_pass = wrr.cw <= wrr.di;
            if last_pass && wrapped && start.is_some() {
                limit = start;
            }
            pos = 0;
        }
    }

    fn fill(&mut self) {
        match self.scheduler {
            SchedulerName::Dh if self.list.is_empty() => self.table.clear(),
            SchedulerName::Dh => self.table = (0..256).map(|i| self.list[i % self.list.len()].name).collect(),
            SchedulerName::Sh if self.list.is_empty() => self.table.clear(),
            SchedulerName::Sh => {
                let (mut e, mut n) = (0, 0);
                self.table.clear();
                for _ in 0..256 {
                    self.table.push(self.list[e].name);
                    n += 1;
                    if n >= self.list[e].weight {
                        (e, n) = ((e + 1) % self.list.len(), 0);
                    }
                }
            }
            SchedulerName::Mh => self.fill_mh(),
            _ => {}
        }
    }

    fn pick_sh(&self, flow: &Flow) -> Option<usize> {
        let hash = h(fold(flow.client.addr).wrapping_add(self.port(flow)), 8) as usize;
        let usable = |slot: usize| self.listed(self.table[slot]).filter(|d| d.usable()).map(|d| d.name);
        if self.table.is_empty() {
            return None;
        }
        if let Some(name) = usable(hash) {
            return Some(name);
        }
        if !self.flags.contains(SchedulerFlags::FALLBACK) {
            return None;
        }
        (0..256).find_map(|k| usable((hash + (hash + k) % 256) % 256))
    }

    fn port(&self, flow: &Flow) -> u32 {
        let ports = [Protocol::TCP, Protocol::UDP, Protocol::SCTP].contains(&flow.protocol);
        if ports && self.flags.contains(SchedulerFlags::PORT) { flow.client.port.into() } else { 0 }
    }

    fn fill_mh(&mut self) {
        const P: usize = 4093;
        let g = self.list.iter().map(|d| i64::from(d.last_weight)).filter(|w| *w > 0).fold(0, gcd);
        if g < 1 {
            self.table.clear();
            return;
        }
        let m = self.list.iter().map(|d| i64::from(d.last_weight)).max().unwrap() / g;
        let bitlen = 64 - m.leading_zeros() as i64;
        let shift = (bitlen - 6).max(0);
        let mut claims: Vec<(usize, i64, usize, usize)> = Vec::new();
        for d in &self.list {
            let folded = match (self.family, d.addr) {
                (Family::Inet, IpAddr::V6(addr)) => u32::from_be_bytes(addr.octets()[..4].try_into().unwrap()),
                (_, addr) => fold(addr),
            };
            let v = folded.wrapping_add(d.port.into());
            let next = mhh(v, 2_654_435_761) as usize % P;
            let skip = mhh(v, 2_654_446_892) as usize % (P - 1) + 1;
            let mut turns = (i64::from(d.last_weight) / g) >> shift;
            if turns == 0 {
                turns = i64::from(d.last_weight != 0);
            }
            claims.push((d.name, turns, next, skip));
        }
        let mut table = vec![None; P];
        let mut filled = 0;
        'fill: loop {
            for (name, turns, next, skip) in &mut claims {
                for _ in 0..*turns {
                    while table[*next].is_some() {
                        *next = (*next + *skip) % P;
                    }
                    table[*next] = Some(*name);
                    filled += 1;
                    if filled == P {
                        break 'fill;
                    }
                }
            }
        }
        self.table = table.into_iter().map(Option::unwrap).collect();
    }

    fn pick_mh(&self, flow: &Flow) -> Option<usize> {
        let p = self.table.len() as u32;
        if p == 0 {
            return None;
        }
        let v = fold(flow.client.addr).wrapping_add(self.port(flow));
        let i = mhh(v, 2_654_435_761) % p;
        let usable = |slot: u32| self.listed(self.table[slot as usize]).filter(|d| d.usable()).map(|d| d.name);
        if let Some(name) = usable(i) {
            return Some(name);
        }
        if !self.flags.contains(SchedulerFlags::FALLBACK) {
            return None;
        }
        (0..p).find_map(|k| usable(mhh(((k + i) % p).wrapping_add(v), 2_654_435_761) % p))
    }

    fn busy(&self, d: &Dest) -> bool {
        d.active > d.weight && self.list.iter().any(|x| 2 * i64::from(x.active) < i64::from(x.weight))
    }

    /// The timer of lblc and lblcr, which has less than 16,384 entries here.
    fn collect(&mut self, now: Duration) {
        let (mut next, mut counter) = self.timer.unwrap_or((now + Duration::from_secs(60), 1));
        while next <= now {
            if counter % 30 == 0 {
                self.cache.retain(|_, entry| next < entry.last_use + self.expiration);
                counter = 1;
            } else {
                counter += 1;
            }
            next += Duration::from_secs(60);
        }
        self.timer = Some((next, counter));
    }

    fn pick_lblc(&mut self, flow: &Flow) -> Option<usize> {
        self.collect(flow.now);
        if let Some(entry) = self.cache.get_mut(&flow.target.addr) {
            entry.last_use = flow.now;
        }
        if let Some(entry) = self.cache.get(&flow.target.addr)
            && let Some(d) = self.listed(entry.set[0])
            && d.weight > 0
            && !self.busy(d)
        {
            return Some(d.name);
        }
        let pick = Self::wleast(self.list.iter(), Self::overhead)?.name;
        self.cache.insert(flow.target.addr, CacheEntry { set: vec![pick], last_use: flow.now, last_mod: flow.now });
        Some(pick)
    }

    fn pick_lblcr(&mut self, flow: &Flow) -> Option<usize> {
        self.collect(flow.now);
        let addr = flow.target.addr;
        if let Some(entry) = self.cache.get_mut(&addr) {
            entry.last_use = flow.now;
        }
        if !self.cache.contains_key(&addr) {
            let pick = Self::wleast(self.list.iter(), Self::overhead)?.name;
            self.cache.insert(addr, CacheEntry { set: vec![pick], last_use: flow.now, last_mod: flow.now });
            return Some(pick);
        }
        let entry = &self.cache[&addr];
        let members: Vec<&Dest> = entry.set.iter().filter_map(|&name| self.listed(name)).collect();
        let d = Self::wleast(members.into_iter(), Self::overhead).map(|d| d.name);
        if entry.set.len() > 1 && flow.now > entry.last_mod + self.expiration {
            let mut most: Option<&Dest> = None;
            for x in entry.set.iter().map(|&name| self.any(name)).filter(|x| x.weight > 0) {
                let over = |d: &Dest| i64::from(Self::overhead(d));
                if most.is_none_or(|m| over(m) * i64::from(x.weight) < over(x) * i64::from(m.weight)) {
                    most = Some(x);
                }
            }
            if let Some(name) = most.map(|m| m.name) {
                let entry = self.cache.get_mut(&addr).unwrap();
                entry.set.retain(|&member| member != name);
                entry.last_mod = flow.now;
            }
        }
        if let Some(name) = d
            && !self.busy(self.any(name))
        {
            return Some(name);
        }
        let pick = Self::wleast(self.list.iter(), Self::overhead)?.name;
        let entry = self.cache.get_mut(&addr).unwrap();
        if !entry.set.contains(&pick) {
            entry.set.insert(0, pick);
            entry.last_mod = flow.now;
        }
        Some(pick)
    }

    fn pick_twos(&self, draws: &mut dyn Draws) -> Option<usize> {
        let usable: Vec<&Dest> = self.list.iter().filter(|d| d.usable()).collect();
        if usable.is_empty() {
            return None;
        }
        let total = usable.iter().fold(0i32, |sum, d| sum.wrapping_add(d.weight));
        let bound = (total as u32).wrapping_add(1);
        let (mut r1, mut r2) = (draws.draw(bound) as i32, draws.draw(bound) as i32);
        let (mut first, mut second): (Option<&Dest>, Option<&Dest>) = (None, None);
        for &d in &usable {
            r1 = r1.saturating_sub(d.weight);
            r2 = r2.saturating_sub(d.weight);
            if first.is_none() && r1 <= 0 {
                first = Some(d);
            }
            if second.is_none() && r2 <= 0 {
                second = Some(d);
            }
        }
        let (first, second) = (first.unwrap(), second.unwrap());
        let worse =
            second.weight.wrapping_mul(Self::overhead(first)) > first.weight.wrapping_mul(Self::overhead(second));
        Some(if worse { second.name } else { first.name })
    }
}

fn configure(d: &mut Dest, upper: u32, lower: u32, generation: Generation) {
    match generation {
        Generation::Classic => {
            if upper == 0 || upper > d.upper {
                d.overload = false;
            }
            (d.upper, d.lower) = (upper, lower);
        }
        Generation::TotalConns => {
            if (d.upper, d.lower) != (upper, lower) {
                (d.upper, d.lower) = (upper, lower);
                update(d, 0);
            }
        }
    }
}

fn lower_mark(d: &Dest) -> u32 {
    if d.lower != 0 { d.lower } else { d.upper - d.upper / 4 }
}

fn update(d: &mut Dest, mode: i32) {
    let (u, l, t) = (d.upper, lower_mark(d), d.rest as u32);
    if u == 0 {
        d.overload = false;
    } else if t >= (if mode > 0 { l } else { u }) {
        d.overload = true;
    } else if t >= (if mode < 0 { u } else { l }) {
        // unchanged
    } else {
        d.overload = false;
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn fold(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(addr) => u32::from_be_bytes(addr.octets()),
        IpAddr::V6(addr) => {
            addr.octets().chunks(4).fold(0, |folded, word| folded ^ u32::from_be_bytes(word.try_into().unwrap()))
        }
    }
}

fn h(x: u32, bits: u32) -> u32 {
    x.wrapping_mul(0x61C8_8647) >> (32 - bits)
}

fn mhh(v: u32, k: u64) -> u32 {
    let mut v0 = 0x736f_6d65_7073_6575_u64 ^ k;
    let mut v1 = 0x646f_7261_6e64_6f6d_u64 ^ k;
    let mut v2 = 0x6c79_6765_6e65_7261_u64 ^ k;
    let mut v3 = 0x7465_6462_7974_6573_u64 ^ k;
    let b = (4u64 << 56) | u64::from(v);
    let round = |v0: &mut u64, v1: &mut u64, v2: &mut u64, v3: &mut u64| {
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    };
    v3 ^= b;
    round(&mut v0, &mut v1, &mut v2, &mut v3);
    v0 ^= b;
    v2 ^= 0xff;
    for _ in 0..3 {
        round(&mut v0, &mut v1, &mut v2, &mut v3);
    }
    (v0 ^ v1 ^ v2 ^ v3) as u32
}
