/// Finding the block at RIP: the jump cache, then the physical address, then the decoder.
///
/// SDM vol. 3A, "Paging" (instruction fetches), vol. 1, "Instruction Pointer in 64-Bit Mode".

extension Processor {
  static let maximumBlock = 32

  @inline(__always)
  func findBlock(single: Bool) throws(Fault) -> BlockPointer {
    let rip = s.pointee.rip
    let entry = blocks.jumpEntry(rip, single: single)
    if entry.pointee.rip == rip && entry.pointee.key == jumpKey(single: single), let block = entry.pointee.block {
      return block
    }
    return try findBlockSlow(rip, single: single)
  }

  @inline(never)
  private func findBlockSlow(_ rip: UInt64, single: Bool) throws(Fault) -> BlockPointer {
    let linear = try instructionAddress(rip)
    let physical = try fetchAddress(linear)
    guard memory.contains(physical, count: 1) else { throw Fault.unsupported("instructions outside RAM") }
    noteFetch(physical)
    let mode = s.pointee.codeMode.rawValue | (single ? BlockCache.singleInstruction : 0)
    // MEASURED: behind a fork, where nothing is cached under the new context, the entry of an old one nearly always leads to the block.
    let entry = blocks.jumpEntry(rip, single: single)
    if entry.pointee.rip == rip, let known = entry.pointee.block, !known.pointee.isDead,
      known.pointee.physical == physical, known.pointee.mode == mode
    {
      entry.pointee.key = jumpKey(single: single)
      return known
    }
    if let known = blocks.find(physical: physical, rip: rip, mode: mode) {
      if !known.pointee.crossesPage {
        cacheJump(rip, known, single: single)
        return known
      }
      // The second page may be mapped elsewhere by now.
      if try fetchAddress((linear | 0xFFF) &+ 1) == known.pointee.secondPage {
        noteFetch(known.pointee.secondPage)
        return known
      }
      blocks.kill(known)
    }
    if blocks.isFull {
      blocks.removeAll()
      codeEvictions += 1
      for page in 0..<blocks.pageCount { memory.codeLines[page] = 0 }
      flushTranslations()
    }
    let block = try decodeBlock(rip, linear, physical, mode: mode, single: single)
    if !block.pointee.crossesPage { cacheJump(rip, block, single: single) }
    return block
  }

  /// What an entry of the jump cache must have been made under. Blocks of one instruction have entries of their own.
  @inline(__always) private func jumpKey(single: Bool) -> UInt64 {
    s.pointee.fetchKey | (single ? BlockCache.singleKey : 0)
  }

  private func cacheJump(_ rip: UInt64, _ block: BlockPointer, single: Bool) {
    let entry = JumpCacheEntry(rip: rip, key: jumpKey(single: single), block: block)
    blocks.jumpEntry(rip, single: single).pointee = entry
  }

  /// Physical address of an instruction byte.
  private func fetchAddress(_ linear: UInt64) throws(Fault) -> UInt64 {
    let user = s.pointee.cpl == 3
    let set = fetchCache.set(user ? .user : .supervisor)
    let entry = set + Int((linear >> 12) & TranslationCache.indexMask)
    if entry.pointee.tag == (linear & ~0xFFF) | s.pointee.translationTag {
      return UInt64(bitPattern: Int64(Int(bitPattern: UInt(linear)) &+ entry.pointee.addend))
    }
    let found = try walk(linear, .execute, user: user, preventUser: false)
    if found.pageBytes > 4096 { noteLargePage(linear, found.pageBytes) }
    if s.pointee.translationTag != TranslationCache.disabledTag {
      // Fetch entries translate to physical addresses, not to host ones.
      let addend = Int(bitPattern: UInt(found.physical & ~0xFFF)) &- Int(bitPattern: UInt(linear & ~0xFFF))
      entry.pointee = TranslationEntry(tag: (linear & ~0xFFF) | s.pointee.translationTag, addend: addend)
    }
    return found.physical
  }

  /// The linear address of a byte of an instruction, as code of the current mode may have it.
  @inline(__always) private func instructionAddress(_ rip: UInt64) throws(Fault) -> UInt64 {
    if s.pointee.codeMode == .bits64 {
      guard Self.isCanonical(rip) else { throw Fault.gp() }
      return rip
    }
    guard rip <= UInt64(s.pointee.segments[SegmentName.cs.rawValue].limit) else { throw Fault.gp() }
    return (rip &+ get(Slot.csBase, UInt64.self)) & 0xFFFF_FFFF
  }

  /// A byte of an instruction.
  func fetchByte(_ rip: UInt64) throws(Fault) -> UInt8 {
    let physical = try fetchAddress(try instructionAddress(rip))
    guard memory.contains(physical, count: 1) else { throw Fault.unsupported("instructions outside RAM") }
    noteFetch(physical)
    return memory.base.load(fromByteOffset: Int(physical), as: UInt8.self)
  }

  private func decodeBlock(_ rip: UInt64, _ linear: UInt64, _ physical: UInt64, mode: UInt8, single: Bool)
    throws(Fault) -> BlockPointer
  {
    var block = Block(
      rip: rip, physical: physical, secondPage: 0, mode: mode, isDead: false, crossesPage: false, count: 0,
      operationCount: 0, length: 0, operations: blocks.operations, nextInBucket: nil, nextOnPage: nil, taken: nil,
      following: nil, code: blocks.host.arrive, heat: mayBeTranslated(rip, single: single) ? 0 : Block.untranslatable)
    var translator = Translator(mode: s.pointee.codeMode, profile: profile)
    block.isShort = !single && blocks.isOftenDropped(page: Int(physical >> 12), now: s.pointee.retired)
    let limit = single || block.isShort ? 1 : Self.maximumBlock
    var offset = 0
    while Int(block.count) < limit {
      let at = physical &+ UInt64(offset)
      let inPage = Int(4096 - (physical & 0xFFF)) - offset
      if inPage <= 0 { break }
      if offset > 0 && isSplit(rip &+ UInt64(offset)) { break }
      // SAFETY: `at` lies in a page of RAM and no more than the rest of the page is read.
      let bytes = UnsafeRawBufferPointer(start: memory.base + Int(at), count: min(15, inPage))
      do throws(DecodingFailure) {
        let decoded = try decoder.decode(bytes, mode: s.pointee.codeMode)
        translator.translate(decoded, rip: rip &+ UInt64(offset), ordinal: Int(block.count), offset: offset)
        offset += decoded.length
        block.count += 1
      } catch {
        if error == .truncated && inPage < 15 {
          if offset > 0 { break }
          return try decodeCrossing(block, linear, inPage)
        }
        emitFailure(error, &translator, rip, block.count, offset)
        block.count += 1
        offset += 1
      }
      if translator.ended { break }
    }
    block.length = UInt16(offset)
    decodedInstructionCount += Int(block.count)
    if !translator.ended && block.count > 0 {
      var fall = MicroOperation(.jump)
      fall.imm = translator.maskedRIP(rip &+ UInt64(offset))
      fall.ordinal = UInt8(block.count - 1)
      fall.offset = translator.operations.last?.offset ?? 0
      translator.operations.append(fall)
    }
    markCode(physical, offset)
    return blocks.insert(block, translator.operations)
  }

  /// An instruction that begins on one page and ends on the next.
  private func decodeCrossing(_ start: Block, _ linear: UInt64, _ inPage: Int) throws(Fault) -> BlockPointer {
    var block = start
    block.crossesPage = true
    block.heat = Block.untranslatable
    block.secondPage = try fetchAddress((linear | 0xFFF) &+ 1)
    guard memory.contains(block.secondPage, count: 15) else { throw Fault.unsupported("instructions outside RAM") }
    noteFetch(block.secondPage)
    var bytes = [UInt8](UnsafeRawBufferPointer(start: memory.base + Int(block.physical), count: inPage))
    bytes += [UInt8](UnsafeRawBufferPointer(start: memory.base + Int(block.secondPage), count: 15 - inPage))
    var translator = Translator(mode: s.pointee.codeMode, profile: profile)
    var length = 1
    do throws(DecodingFailure) {
      // Swift cannot throw a typed error through a rethrowing closure, so the result is carried out of it.
      let result = bytes.withUnsafeBytes { raw -> Result<DecodedInstruction, DecodingFailure> in
        do throws(DecodingFailure) { return .success(try decoder.decode(raw, mode: s.pointee.codeMode)) } catch {
          return .failure(error)
        }
      }
      let decoded = try result.get()
      translator.translate(decoded, rip: block.rip, ordinal: 0, offset: 0)
      length = decoded.length
    } catch {
      emitFailure(error, &translator, block.rip, 0, 0)
    }
    block.count = 1
    block.length = UInt16(length)
    if !translator.ended {
      var fall = MicroOperation(.jump)
      fall.imm = translator.maskedRIP(block.rip &+ UInt64(length))
      translator.operations.append(fall)
    }
    markCode(block.physical, inPage)
    markCode(block.secondPage, max(1, length - inPage))
    let inserted = blocks.insert(block, translator.operations)
    // A store to the second page must find the block as well: it is decoded again each time that page loses its code.
    blocks.adopt(inserted, page: Int(block.secondPage >> 12))
    return inserted
  }

  private func emitFailure(
    _ failure: DecodingFailure, _ translator: inout Translator, _ rip: UInt64, _ ordinal: UInt16, _ offset: Int
  ) {
    translator.rip = rip &+ UInt64(offset)
    translator.ordinal = Int(ordinal)
    translator.offset = offset
    translator.current = DecodedInstruction()
    translator.emit(failure == .tooLong ? .tooLong : .undefined, [.endsBlock])
  }

  /// Marks the lines of the bytes as holding code, and makes stores to the page take the slow path.
  private func markCode(_ physical: UInt64, _ count: Int) {
    let page = Int(physical >> 12)
    let first = (physical & 0xFFF) >> 6
    let last = min(63, ((physical & 0xFFF) &+ UInt64(max(1, count) - 1)) >> 6)
    let marks = (~UInt64(0) << first) & (~UInt64(0) >> (63 - last))
    if memory.codeLines[page] == 0 { dropWriteTranslations(toPage: page) }
    memory.codeLines[page] |= marks
  }

  /// Drops cached write translations to a physical page, whatever linear address they are for.
  func dropWriteTranslations(toPage page: Int) {
    let host = Int(bitPattern: memory.base + page &* 4096)
    for i in 0..<TranslationCache.entriesPerSet * TranslationCache.viewCount {
      let entry = writeCache.entries + i
      if entry.pointee.tag != 0
        && Int(bitPattern: UInt(entry.pointee.tag & ~0xFFF)) &+ entry.pointee.addend == host
      {
        entry.pointee.tag = 0
      }
    }
  }

  /// Whether the instruction at RIP is one that privilege 0 alone may execute, or that changes what privilege sees.
  public func nextInstructionIsPrivileged() -> Bool {
    guard let block = try? findBlock(single: true), block.pointee.operationCount > 0 else { return false }
    for i in 0..<Int(block.pointee.operationCount) where block.pointee.operations[i].opcode == .external {
      switch External(rawValue: block.pointee.operations[i].detail) {
      case .readControl, .writeControl, .readDebug, .writeDebug, .readMSR, .writeMSR, .swapGS, .interruptReturn,
        .systemReturn, .systemExit, .eventReturnToSupervisor, .eventReturnToUser, .loadKernelGS, .clearInterrupt,
        .setInterrupt, .invalidatePage, .invalidatePCID, .loadGDT,
        .loadIDT,
        .loadLDT, .loadTask, .halt, .input, .output, .setAC, .clearAC, .clearTaskSwitched:
        return true
      default: continue
      }
    }
    return false
  }

  /// Whether the instruction at RIP makes a GS-relative access; false where it cannot be fetched.
  public func nextInstructionUsesGS() -> Bool {
    guard let block = try? findBlock(single: true) else { return false }
    for i in 0..<Int(block.pointee.operationCount) where block.pointee.operations[i].traits.contains(.usesGS) {
      return true
    }
    return false
  }
}

extension BlockCache {
  /// Lets `page` kill the block too. The crossing block is linked only where it starts, so a marker block stands for it.
  mutating func adopt(_ block: BlockPointer, page: Int) {
    guard page < pageCount else { return }
    let marker = blocks + blocksUsed
    blocksUsed += 1
    var copy = block.pointee
    copy.nextInBucket = nil
    copy.nextOnPage = pages[page]
    marker.initialize(to: copy)
    pages[page] = marker
    marker.pointee.taken = block
  }
}
