//! The hub's storage in the simulation: it survives evictions, can be cut off before any write, and checks that what it has
//! stored stays.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::frame::Server;
use crate::hub::{CallRow, End, EndRow, Link, Store};

#[derive(Default)]
pub struct Disk {
    pub link: Link,
    pub calls: BTreeMap<String, (CallRow, Option<EndRow>)>,
    pub pieces: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    servers: Vec<Server>,
    pub catalogs: BTreeMap<String, (String, String)>,
    /// Writes until the object is evicted.
    pub fuse: Option<u32>,
}

impl Disk {
    /// The result or error of a call as a caller would read it.
    pub fn body(&self, id: &str) -> Option<String> {
        let (_, end) = self.calls.get(id)?;
        let end = end.as_ref()?;
        if end.pieces == 0 {
            return end.body.clone();
        }
        let pieces = self.pieces.get(id)?.range(..end.pieces);
        String::from_utf8(pieces.flat_map(|(_, piece)| piece.clone()).collect()).ok()
    }
}

/// The object was evicted before a write.
#[derive(Debug)]
pub struct Evicted;

#[derive(Clone, Default)]
pub struct Storage(pub Rc<RefCell<Disk>>);

impl Storage {
    fn write(&self, change: impl FnOnce(&mut Disk)) -> Result<(), Evicted> {
        let mut disk = self.0.borrow_mut();
        if let Some(left) = &mut disk.fuse {
            if *left == 0 {
                disk.fuse = None;
                return Err(Evicted);
            }
            *left -= 1;
        }
        change(&mut disk);
        Ok(())
    }
}

impl Store for Storage {
    type Error = Evicted;

    fn link(&self) -> Result<Link, Evicted> {
        Ok(self.0.borrow().link.clone())
    }

    fn set_link(&mut self, link: &Link) -> Result<(), Evicted> {
        self.write(|disk| disk.link = link.clone())
    }

    fn open_calls(&self) -> Result<Vec<CallRow>, Evicted> {
        let disk = self.0.borrow();
        Ok(disk.calls.values().filter(|(_, end)| end.is_none()).map(|(row, _)| row.clone()).collect())
    }

    fn ended(&self, id: &str) -> Result<Option<(CallRow, EndRow)>, Evicted> {
        let disk = self.0.borrow();
        Ok(disk.calls.get(id).and_then(|(row, end)| Some((row.clone(), end.clone()?))))
    }

    fn add(&mut self, row: &CallRow) -> Result<(), Evicted> {
        self.write(|disk| {
            let before = disk.calls.insert(row.id.clone(), (row.clone(), None));
            assert!(before.is_none(), "{} was given out twice", row.id);
        })
    }

    fn end(&mut self, row: &CallRow, end: &EndRow) -> Result<(), Evicted> {
        self.write(|disk| {
            let pieces = disk.pieces.get(&row.id).map_or(0, BTreeMap::len);
            assert!(pieces >= end.pieces as usize, "{}: pieces are missing", row.id);
            let before = disk.calls.insert(row.id.clone(), (row.clone(), Some(end.clone())));
            assert!(!matches!(before, Some((_, Some(_)))), "{} ended twice", row.id);
        })
    }

    fn mark_late(&mut self, id: &str) -> Result<(), Evicted> {
        self.write(|disk| {
            let (_, end) = disk.calls.get_mut(id).unwrap();
            let end = end.as_mut().unwrap();
            assert!(!matches!(end.end, End::Result | End::Error), "{id} had a result");
            end.late = true;
        })
    }

    fn put_piece(&mut self, id: &str, index: u32, bytes: &[u8]) -> Result<(), Evicted> {
        self.write(|disk| {
            assert!(disk.calls[id].1.is_none(), "{id}: a stored result is changed");
            disk.pieces.entry(id.to_owned()).or_default().insert(index, bytes.to_vec());
        })
    }

    fn clear_pieces(&mut self, id: &str) -> Result<(), Evicted> {
        self.write(|disk| {
            assert!(disk.calls[id].1.is_none(), "{id}: a stored result is deleted");
            disk.pieces.remove(id);
        })
    }

    fn servers(&self) -> Result<Vec<Server>, Evicted> {
        Ok(self.0.borrow().servers.clone())
    }

    fn set_servers(&mut self, servers: &[Server]) -> Result<(), Evicted> {
        self.write(|disk| disk.servers = servers.to_vec())
    }

    fn catalog_sum(&self, server: &str) -> Result<Option<String>, Evicted> {
        Ok(self.0.borrow().catalogs.get(server).map(|(sum, _)| sum.clone()))
    }

    fn put_catalog(&mut self, server: &str, sha256: &str, body: &str) -> Result<(), Evicted> {
        self.write(|disk| {
            disk.catalogs.insert(server.to_owned(), (sha256.to_owned(), body.to_owned()));
        })
    }
}
