/// When a block is translated to host code, and the passage between interpreter and translated code.
///
/// Nothing that can be observed depends on which of them ran: `Tests/MachineTests/HostCode` runs both side by side.

extension Processor {
  /// A block that begins where a run is to stop must be seen by the interpreter's loop, and a single instruction is not worth it.
  func mayBeTranslated(_ rip: UInt64, single: Bool) -> Bool {
    s.pointee.codeMode == .bits64 && !single && !isSplit(rip) && blocks.host.entry != nil
  }

  /// Whether the block has host code by now. Counts until it is worth translating.
  @inline(__always) func isTranslated(_ block: BlockPointer) -> Bool {
    if block.pointee.heat == Block.translated { return true }
    if block.pointee.heat < translationThreshold {
      block.pointee.heat &+= 1
      return false
    }
    return translate(block)
  }

  @inline(never)
  private func translate(_ block: BlockPointer) -> Bool {
    if block.pointee.isShort { return lengthen(block) }
    block.pointee.heat = Block.untranslatable
    guard let place = blocks.host.place else { return false }
    var compiler = BlockCompiler(block, blocks, at: place)
    guard compiler.compile() else { return false }
    blocks.host.keep(upTo: compiler.assembler.at)
    block.pointee.code = UnsafeRawPointer(place)
    block.pointee.heat = Block.translated
    translatedBlockCount += 1
    return true
  }

  /// A short block became hot: once its page is left alone the page's code is decoded anew.
  private func lengthen(_ block: BlockPointer) -> Bool {
    let page = Int(block.pointee.physical >> 12)
    if blocks.isOftenDropped(page: page, now: s.pointee.retired) {
      block.pointee.heat = 0
    } else {
      blocks.kill(page: page)
      changeFetchKey()
    }
    return false
  }

  /// Runs from the start of a translated block until translated code is left. `block` becomes the block that was left; retired
  /// instructions and flags are brought up to date, and so is RIP unless the block is to be gone on with.
  @inline(__always) func runTranslated(_ block: inout BlockPointer, limit: UInt64) -> Int32 {
    let passage = blocks.host.passage
    passage.pointee.flags = s.pointee.hostFlags
    passage.pointee.code = block.pointee.code
    let reason = blocks.host.entry.unsafelyUnwrapped(
      UnsafeMutableRawPointer(s) + BlockCompiler.bias, UnsafeMutableRawPointer(readTranslations),
      UnsafeMutableRawPointer(writeTranslations), limit &- s.pointee.retired, s.pointee.translationTag,
      UnsafeMutableRawPointer(passage))
    s.pointee.hostFlags = passage.pointee.flags
    s.pointee.retired = limit &- passage.pointee.remaining
    block = passage.pointee.block.unsafelyUnwrapped
    if reason == Leaving.arrived { s.pointee.rip = block.pointee.rip }
    return reason
  }
}
