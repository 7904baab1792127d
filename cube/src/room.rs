//! What the masks of a cube may gather together, and which of them make way for others.
//!
//! A mask that finds no room takes that of a mask which shows more facts, or which nobody has asked for long. What shows few
//! facts gains most by being gathered and takes least; and since the smaller never make way for the larger while they are in
//! use, masks do not push each other out in turns.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crate::{gathered::Gathered, limits::GATHERING_IDLE_QUERIES};

/// Bytes that all masks of a cube may still gather, and who has gathered.
#[derive(Debug)]
pub(crate) struct Room {
    left: AtomicUsize,
    /// Queries of masks so far.
    now: AtomicU64,
    tenants: Mutex<Vec<Weak<Gathering>>>,
}

/// What a mask has gathered, until another one needs the room more.
#[derive(Debug)]
pub(crate) struct Gathering {
    gathered: Mutex<Arc<Gathered>>,
    last_asked: AtomicU64,
    room: Arc<Room>,
}

impl Gathering {
    /// Of a mask that has gathered nothing yet.
    pub(crate) fn new(gathered: Gathered, room: &Arc<Room>) -> Arc<Self> {
        let gathering = Arc::new(Self {
            gathered: Mutex::new(Arc::new(gathered)),
            last_asked: AtomicU64::new(room.now.load(Ordering::Relaxed)),
            room: Arc::clone(room),
        });
        let mut tenants = room.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|tenant| tenant.strong_count() > 0);
        tenants.push(Arc::downgrade(&gathering));
        gathering
    }

    /// What is gathered, for a query. It stays as it is for that query, whatever happens.
    pub(crate) fn of_query(&self) -> Arc<Gathered> {
        self.last_asked.store(self.room.now.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.current()
    }

    fn current(&self) -> Arc<Gathered> {
        Arc::clone(&self.gathered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the room back, once no query goes through it any more.
    fn make_way(&self) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        *gathered = Arc::new(gathered.emptied());
    }
}

impl Room {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes), now: AtomicU64::new(0), tenants: Mutex::default() }
    }

    /// Takes room if there is some.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// Takes room for what a mask gathers, from other masks if need be.
    pub(crate) fn take_for(&self, gathered: &Gathered, bytes: usize) -> bool {
        if self.take(bytes) {
            return true;
        }
        for tenant in self.making_way_for(gathered) {
            tenant.make_way();
            if self.take(bytes) {
                return true;
            }
        }
        false
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Masks that make way for another one: those that nobody asks first, then those that show most.
    fn making_way_for(&self, asking: &Gathered) -> Vec<Arc<Gathering>> {
        let now = self.now.load(Ordering::Relaxed);
        let is_idle = |tenant: &Gathering| {
            now.saturating_sub(tenant.last_asked.load(Ordering::Relaxed)) >= GATHERING_IDLE_QUERIES
        };
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let others = tenants.iter().filter_map(Weak::upgrade).filter_map(|tenant| {
            let gathered = tenant.current();
            let is_other = !Arc::ptr_eq(gathered.visible(), asking.visible()) && gathered.has_any();
            let rank = (is_idle(&tenant), gathered.count());
            (is_other && (rank.0 || rank.1 > asking.count())).then_some((rank, tenant))
        });
        let mut others: Vec<((bool, usize), Arc<Gathering>)> = others.collect();
        others.sort_by(|(one, _), (other, _)| other.cmp(one));
        others.into_iter().map(|(_, tenant)| tenant).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{CubeDefinition, Mask, Mode, Model, ModelDefinition, PathTest, Paths, TableDefinition, csv};

    const FACTS: usize = 4096;

    /// A cube of one column of 4096 numbers in two bytes, half of which are in `a`, a quarter in `b`.
    fn model() -> Model {
        let kind = |fact: usize| {
            if fact.is_multiple_of(2) {
                "a"
            } else if fact % 4 == 1 {
                "b"
            } else {
                "c"
            }
        };
        let lines = (0..FACTS).map(|fact| format!("{},{}\n", kind(fact), fact)).collect::<Vec<_>>().concat();
        let definition = TableDefinition { name: "T".into(), ..TableDefinition::default() };
        let table = csv::read(&definition, "t.csv", format!("kind,x\n{lines}").as_bytes()).unwrap();
        let cube =
            CubeDefinition { name: "C".into(), fact_table: "T".into(), mode: Mode::Auto, ..CubeDefinition::default() };
        let definition = ModelDefinition { tables: vec!["T".into()], cubes: vec![cube], ..ModelDefinition::default() };
        Model::build(&definition, BTreeMap::from([("T".to_owned(), table)])).unwrap()
    }

    fn mask(model: &Model, kinds: &[&str]) -> Mask {
        let column = crate::ColumnName { table: "T".into(), column: "kind".into() };
        let paths = Paths::In(kinds.iter().map(|kind| vec![(*kind).to_owned()]).collect());
        let test = PathTest { columns: vec![column], negated: false, paths };
        model.cube("C").unwrap().mask(&[vec![vec![test]]]).unwrap()
    }

    fn ask(model: &Model, mask: &Mask) {
        let query = r#"{"measures": ["x.SUM"], "cache": false}"#;
        model.cube("C").unwrap().query(&serde_json::from_str(query).unwrap(), mask).unwrap();
    }

    fn has_gathered(mask: &Mask) -> bool {
        mask.gathered().unwrap().has_any()
    }

    /// Leaves room for the numbers of this many facts.
    fn leave(model: &Model, facts: usize) {
        let room = &model.cube("C").unwrap().room;
        let left = room.left.load(Ordering::Relaxed);
        // Two bytes and one more to be sure, as the estimate has it.
        assert!(room.take(left - facts * 3));
    }

    #[test]
    fn a_mask_that_shows_more_makes_way_and_one_that_shows_less_does_not() {
        let model = model();
        let (half, quarter) = (mask(&model, &["a"]), mask(&model, &["b"]));
        leave(&model, FACTS / 2);
        ask(&model, &half);
        assert!(has_gathered(&half));
        ask(&model, &quarter);
        assert!(has_gathered(&quarter) && !has_gathered(&half));
        ask(&model, &half);
        assert!(has_gathered(&quarter) && !has_gathered(&half));
    }

    #[test]
    fn a_mask_that_nobody_asks_makes_way() {
        let model = model();
        let (half, quarter) = (mask(&model, &["a"]), mask(&model, &["b"]));
        leave(&model, FACTS / 2);
        ask(&model, &quarter);
        for _ in 0..GATHERING_IDLE_QUERIES {
            ask(&model, &half);
        }
        assert!(has_gathered(&half) && !has_gathered(&quarter));
    }

    #[test]
    fn what_a_query_goes_through_stays_until_it_ends() {
        let model = model();
        let (half, quarter) = (mask(&model, &["a"]), mask(&model, &["b"]));
        leave(&model, FACTS / 2);
        ask(&model, &half);
        let running = half.gathered().unwrap();
        ask(&model, &quarter);
        assert!(running.has_any() && !has_gathered(&half) && !has_gathered(&quarter), "there is no room yet");
        drop(running);
        ask(&model, &quarter);
        assert!(has_gathered(&quarter));
    }

    #[test]
    fn a_mask_that_is_gone_leaves_its_room() {
        let model = model();
        leave(&model, FACTS / 2);
        let first = mask(&model, &["a"]);
        ask(&model, &first);
        drop(first);
        let second = mask(&model, &["b", "c"]);
        ask(&model, &second);
        assert!(has_gathered(&second));
    }
}
