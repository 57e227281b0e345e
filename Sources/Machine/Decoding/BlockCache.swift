/// Decoded code: straight runs of instructions on one physical page, found again by physical address, linear address and mode.
///
/// Blocks are never freed one by one. A store to a decoded line kills the page's blocks: the first micro-operation of every
/// instruction becomes `.endBlock`, so that a block that is running leaves at its next boundary and a chained jump into a dead
/// block leaves at once. When the arena is full everything is dropped between two instructions.

#if canImport(Glibc)
  import Glibc
#endif

struct Block {
  /// Linear address of the first instruction.
  var rip: UInt64
  var physical: UInt64
  /// Physical address of the second page, for the single instruction that crosses into one.
  var secondPage: UInt64
  /// Code mode, and whether the block was limited to one instruction.
  var mode: UInt8
  var isDead: Bool
  /// Nothing may be chained to or from it.
  var crossesPage: Bool
  /// Its page is written again and again, so it was made of one instruction; see `BlockCache.isOftenDropped`.
  var isShort = false
  /// Instructions in the block.
  var count: UInt16
  var operationCount: UInt16
  /// Bytes of all instructions.
  var length: UInt16
  var operations: UnsafeMutablePointer<MicroOperation>
  var nextInBucket: UnsafeMutablePointer<Block>?
  var nextOnPage: UnsafeMutablePointer<Block>?
  /// Where the last instruction goes, once that was looked up: taken and not taken.
  var taken: UnsafeMutablePointer<Block>?
  var following: UnsafeMutablePointer<Block>?
  /// Where translated code enters it: its own host code, or the way out.
  var code: UnsafeRawPointer
  /// How often it was interpreted, until that decides; see `HostCode/Processor+HostCode.swift`.
  var heat: UInt16

  static let untranslatable: UInt16 = 0xFFFE
  static let translated: UInt16 = 0xFFFF
}

typealias BlockPointer = UnsafeMutablePointer<Block>

/// An entry of the direct-mapped cache that indirect jumps ask first.
struct JumpCacheEntry {
  var rip: UInt64
  var key: UInt64
  var block: BlockPointer?
}

/// When the code of a page was dropped last, in retired instructions, and how often at short intervals.
struct PageDrops {
  var last: UInt64 = 0
  var count: UInt32 = 0
}

struct BlockCache {
  static let bucketCount = 1 << 16
  static let jumpEntries = 1 << 13
  static let arenaOperations = 1 << 21
  static let singleInstruction: UInt8 = 0x80
  /// In the key of a jump cache entry: a bit of `ProcessorState.fetchKey` that is never set.
  static let singleKey: UInt64 = 8

  // SAFETY: indexes are masked with the counts above; the arena is bounds-checked in `reserve`.
  let buckets: UnsafeMutablePointer<BlockPointer?>
  let pages: UnsafeMutablePointer<BlockPointer?>
  let drops: UnsafeMutablePointer<PageDrops>
  let jumps: UnsafeMutablePointer<JumpCacheEntry>
  let operations: UnsafeMutablePointer<MicroOperation>
  let blocks: UnsafeMutablePointer<Block>
  let pageCount: Int
  var host = HostCode()
  var operationsUsed = 0
  var blocksUsed = 0

  init(pageCount: Int) {
    self.pageCount = pageCount
    // A pointer that is zero is nil.
    buckets = .zeros(Self.bucketCount)
    pages = .zeros(pageCount)
    drops = .zeros(pageCount)
    jumps = .allocate(capacity: Self.jumpEntries)
    jumps.initialize(repeating: JumpCacheEntry(rip: 0, key: ~0, block: nil), count: Self.jumpEntries)
    operations = .allocate(capacity: Self.arenaOperations)
    blocks = .allocate(capacity: Self.arenaOperations / 2)
  }

  func deallocate() {
    free(buckets)
    free(pages)
    free(drops)
    jumps.deallocate()
    operations.deallocate()
    blocks.deallocate()
    host.deallocate()
  }

  @inline(__always) static func bucket(_ physical: UInt64, _ rip: UInt64) -> Int {
    let mixed = (physical ^ (rip &>> 12) &* 0x9E37_79B9) &* 0x9E37_79B9_7F4A_7C15
    return Int(mixed &>> 48) & (bucketCount - 1)
  }

  @inline(__always) static func jumpIndex(_ rip: UInt64) -> Int {
    Int(truncatingIfNeeded: (rip ^ (rip &>> 13)) & UInt64(jumpEntries - 1))
  }

  @inline(__always) func jumpEntry(_ rip: UInt64, single: Bool) -> UnsafeMutablePointer<JumpCacheEntry> {
    jumps + Self.jumpIndex(single ? ~rip : rip)
  }

  func clearJumps() {
    jumps.update(repeating: JumpCacheEntry(rip: 0, key: ~0, block: nil), count: Self.jumpEntries)
  }

  func find(physical: UInt64, rip: UInt64, mode: UInt8) -> BlockPointer? {
    let bucket = Self.bucket(physical, rip)
    var candidate = buckets[bucket]
    var previous: BlockPointer?
    while let block = candidate {
      candidate = block.pointee.nextInBucket
      if block.pointee.isDead {
        // MEASURED: code that is written again and again at one address otherwise spends its time passing dead blocks.
        if let previous { previous.pointee.nextInBucket = candidate } else { buckets[bucket] = candidate }
        continue
      }
      if block.pointee.physical == physical && block.pointee.rip == rip && block.pointee.mode == mode { return block }
      previous = block
    }
    return nil
  }

  var isFull: Bool {
    operationsUsed + 1024 > Self.arenaOperations || blocksUsed + 2 > Self.arenaOperations / 2 || host.isFull
  }

  mutating func insert(_ block: Block, _ decoded: [MicroOperation]) -> BlockPointer {
    let place = operations + operationsUsed
    place.initialize(from: decoded, count: decoded.count)
    operationsUsed += decoded.count
    let result = blocks + blocksUsed
    blocksUsed += 1
    var block = block
    block.operations = place
    block.operationCount = UInt16(decoded.count)
    let bucket = Self.bucket(block.physical, block.rip)
    block.nextInBucket = buckets[bucket]
    let page = Int(block.physical >> 12)
    if page < pageCount {
      block.nextOnPage = pages[page]
      pages[page] = result
    }
    result.initialize(to: block)
    buckets[bucket] = result
    return result
  }

  /// Drops of a page's code that come closer than this, in instructions, count as one burst.
  private static let burst: UInt64 = 1024

  /// A store of the guest reached decoded code on the page.
  func noteDrop(page: Int, at now: UInt64) {
    let isBurst = now &- drops[page].last < Self.burst
    drops[page] = PageDrops(last: now, count: isBurst ? drops[page].count &+ 1 : 1)
  }

  /// The page's code is being written again and again. Its blocks are then one instruction long, so that no store costs the
  /// decoding of more than is executed.
  func isOftenDropped(page: Int, now: UInt64) -> Bool {
    drops[page].count >= 4 && now &- drops[page].last < Self.burst
  }

  /// Kills every block on the page.
  func kill(page: Int) {
    var next = pages[page]
    pages[page] = nil
    while let block = next {
      kill(block)
      next = block.pointee.nextOnPage
    }
  }

  func kill(_ block: BlockPointer) {
    block.pointee.isDead = true
    var ordinal = -1
    for i in 0..<Int(block.pointee.operationCount) {
      let operation = block.pointee.operations + i
      if Int(operation.pointee.ordinal) != ordinal {
        ordinal = Int(operation.pointee.ordinal)
        operation.pointee.opcode = .endBlock
      }
    }
    // A crossing block is never chained; what its marker on the second page holds here is the block it stands for.
    if block.pointee.crossesPage, let original = block.pointee.taken { original.pointee.isDead = true }
    // Whatever a dead block was chained to, it must be looked up again.
    block.pointee.taken = nil
    block.pointee.following = nil
    block.pointee.code = host.arrive
    block.pointee.heat = Block.untranslatable
  }

  mutating func removeAll() {
    buckets.update(repeating: nil, count: Self.bucketCount)
    pages.update(repeating: nil, count: pageCount)
    clearJumps()
    operationsUsed = 0
    blocksUsed = 0
    host.removeAll()
  }
}
