//! Places keys so that each is found at its own slot by one probe ("hash, displace"): the keys of a bucket share a
//! pilot, a byte which is chosen so that none of them meets another key.

use crate::hash;

/// The pilot of every bucket, and for every slot the index of the key that is there.
pub struct Placement {
    pub pilots: Vec<u8>,
    pub slots: Vec<Option<usize>>,
}

/// Places keys, given as their hashes. Some slots are left free, more of them the harder it is.
pub fn place(hashes: &[u64], bucket_bits: u32) -> Placement {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]), "no two keys have the same hash");
    (4..12)
        .find_map(|free_percent| {
            let slots = hashes.len() + hashes.len() * free_percent / 100;
            try_place(hashes, bucket_bits, slots)
        })
        .expect("there is room for every key")
}

fn try_place(hashes: &[u64], bucket_bits: u32, slot_count: usize) -> Option<Placement> {
    let mut buckets = vec![Vec::new(); 1 << bucket_bits];
    for (key, &hash) in hashes.iter().enumerate() {
        buckets[hash::bucket(hash, bucket_bits)].push(key);
    }
    // The fullest first: they are the hardest to place.
    let mut order: Vec<usize> = (0..buckets.len()).collect();
    order.sort_by_key(|&bucket| std::cmp::Reverse(buckets[bucket].len()));

    let mut placement = Placement { pilots: vec![0; buckets.len()], slots: vec![None; slot_count] };
    let mut taken = Vec::new();
    for bucket in order {
        let pilot = (0..=u8::MAX).find(|&pilot| {
            taken.clear();
            buckets[bucket].iter().all(|&key| {
                let slot = hash::slot(hashes[key], pilot, slot_count as u32);
                let free = placement.slots[slot].is_none() && !taken.contains(&slot);
                taken.push(slot);
                free
            })
        })?;
        placement.pilots[bucket] = pilot;
        for (&key, &slot) in buckets[bucket].iter().zip(&taken) {
            placement.slots[slot] = Some(key);
        }
    }
    Some(placement)
}
