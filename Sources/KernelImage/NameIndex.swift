/// A hash table from names to symbols, with open addressing over the names' bytes: an array of strings would cost an allocation for
/// each of a kernel's hundred thousand names. The hash is the standard library's seeded one, so that no file can be built to collide;
/// answers do not depend on the seed.
struct NameIndex: Sendable {
  /// One more than a symbol's number, located symbols first, then absolute ones; 0 for a free slot. A power of two of them.
  private var slots: [UInt32]

  init(located: [SymbolTable.Entry], absolute: [SymbolTable.Entry], names: [UInt8]) {
    let count = located.count + absolute.count
    var size = 16
    while size < count * 2 { size *= 2 }
    slots = [UInt32](repeating: 0, count: size)
    names.withUnsafeBufferPointer { bytes in
      for number in 0..<count {
        let entry = number < located.count ? located[number] : absolute[number - located.count]
        let slot = findSlot(UnsafeBufferPointer(rebasing: bytes[entry.range]), located, absolute, bytes)
        let present = slots[slot]
        // Symbols come by address, so the first of a name is the lowest; a global one displaces a local one.
        if present == 0 || (entry.isGlobal && !NameIndex.entry(present, located, absolute).isGlobal) {
          slots[slot] = UInt32(number + 1)
        }
      }
    }
  }

  func find(
    _ name: UnsafeBufferPointer<UInt8>, located: [SymbolTable.Entry], absolute: [SymbolTable.Entry], names: [UInt8]
  ) -> SymbolTable.Entry? {
    let number = names.withUnsafeBufferPointer { slots[findSlot(name, located, absolute, $0)] }
    return number == 0 ? nil : NameIndex.entry(number, located, absolute)
  }

  /// The slot that holds the name, or the free one where it would go.
  private func findSlot(
    _ name: UnsafeBufferPointer<UInt8>, _ located: [SymbolTable.Entry], _ absolute: [SymbolTable.Entry],
    _ names: UnsafeBufferPointer<UInt8>
  ) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(name))
    var slot = hasher.finalize() & (slots.count - 1)
    while slots[slot] != 0 {
      let entry = NameIndex.entry(slots[slot], located, absolute)
      if names[entry.range].elementsEqual(name) { return slot }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private static func entry(
    _ number: UInt32, _ located: [SymbolTable.Entry], _ absolute: [SymbolTable.Entry]
  ) -> SymbolTable.Entry {
    let index = Int(number) - 1
    return index < located.count ? located[index] : absolute[index - located.count]
  }
}
