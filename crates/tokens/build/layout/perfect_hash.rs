//! Places keys so that each is found at its own slot by one probe ("hash, displace"): the keys of a bucket share a
//! pilot, a byte which is chosen so that none of them meets another key.

use std::ops::Range;

use super::hash;

/// The slots of every region, the pilot of every bucket, and for every slot the index of the key that is there.
pub struct Placement {
    pub regions: Vec<Range<usize>>,
    pub pilots: Vec<u8>,
    pub slots: Vec<Option<usize>>,
}

/// Places keys, given as their hashes, each in its region. Some slots are left free, more of them the harder it is.
pub fn place(hashes: &[u64], key_regions: &[usize], region_count: usize, bucket_bits: u32) -> Placement {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]), "no two keys have the same hash");
    let mut sizes = vec![0; region_count];
    for &region in key_regions {
        sizes[region] += 1;
    }
    (2..12)
        .find_map(|free_percent| {
            let mut end = 0;
            let regions = sizes.iter().map(|size| {
                let start = end;
                end += size + size * free_percent / 100;
                start..end
            });
            try_place(hashes, key_regions, regions.collect(), bucket_bits)
        })
        .expect("there is room for every key")
}

fn try_place(
    hashes: &[u64],
    key_regions: &[usize],
    regions: Vec<Range<usize>>,
    bucket_bits: u32,
) -> Option<Placement> {
    let mut buckets = vec![Vec::new(); 1 << bucket_bits];
    for (key, &hash) in hashes.iter().enumerate() {
        buckets[hash::bucket(hash, bucket_bits)].push(key);
    }
    // The fullest first: they are the hardest to place.
    let mut order: Vec<usize> = (0..buckets.len()).collect();
    order.sort_by_key(|&bucket| std::cmp::Reverse(buckets[bucket].len()));

    let mut pilots = vec![0; buckets.len()];
    let mut slots = vec![None; regions.last().map_or(0, |last| last.end)];
    let mut taken = Vec::new();
    for bucket in order {
        pilots[bucket] = (0..=u8::MAX).find(|&pilot| {
            taken.clear();
            buckets[bucket].iter().all(|&key| {
                let region = &regions[key_regions[key]];
                let slot = region.start + hash::slot(hashes[key], pilot, region.len());
                let free = slots[slot].is_none() && !taken.contains(&slot);
                taken.push(slot);
                free
            })
        })?;
        for (&key, &slot) in buckets[bucket].iter().zip(&taken) {
            slots[slot] = Some(key);
        }
    }
    Some(Placement { regions, pilots, slots })
}
