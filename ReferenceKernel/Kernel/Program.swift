// /init: found in the initramfs (cpio(5), newc), placed as its ELF program headers say, started on a stack of its own with the
// auxiliary vector that execve(2) passes.

enum Initramfs {
  /// The bytes of a file by its name: their address. The archive gives sizes as eight hexadecimal digits.
  static func find(_ name: StaticString) -> UInt? {
    var at = kernel.initramfs
    let end = at + kernel.initramfs_size
    while at + 110 < end {
      guard load(at) & 0xFFFF_FFFF_FFFF == 0x31_3037_3037_30 else { return nil }
      let size = field(at, 6)
      let nameSize = field(at, 11)
      let bytes = (at + 110 + nameSize - kernel.initramfs + 3) & ~3 + kernel.initramfs
      guard bytes + size <= end else { return nil }
      if matches(at + 110, nameSize, name) { return bytes }
      at = (bytes + size - kernel.initramfs + 3) & ~3 + kernel.initramfs
    }
    return nil
  }

  private static func field(_ header: UInt, _ number: UInt) -> UInt {
    var value: UInt = 0
    for index in UInt(0)..<8 {
      let digit = UInt(load_byte(header + 6 + number * 8 + index))
      value = value << 4 | (digit < 58 ? digit &- 48 : (digit | 32) &- 87) & 15
    }
    return value
  }

  private static func matches(_ address: UInt, _ size: UInt, _ name: StaticString) -> Bool {
    name.withUTF8Buffer { bytes in
      guard size == UInt(bytes.count) + 1 else { return false }
      for index in bytes.indices where load_byte(address + UInt(index)) != bytes[index] { return false }
      return true
    }
  }
}

enum Program {
  private static let stack: UInt = 0x7FFF_FFF0_0000
  private static let stackPages: UInt = 4
  /// Behind it: no arguments, no environment, AT_HWCAP2, end.
  static let stackPointer: UInt = stack + stackPages * 4096 - 128

  /// Maps an ELF64 executable's segments into a task; returns its entry point. System V gABI, "Program Loading".
  static func place(_ file: UInt, into task: UnsafeMutablePointer<task>) -> UInt {
    guard load_half(file) == 0x464C_457F else { panic("/init is no ELF file") }
    let count = UInt(load_half(file + 56) & 0xFFFF)
    for index in 0..<count {
      let header = file + load(file + 32) + index * 56
      if load_half(header) == 1 { placeSegment(file, header, task) }
    }
    for index in 0..<stackPages {
      AddressSpace.map(task, stack + index * 4096 | Mapping.writable, Memory.take(), isLive: false)
    }
    // AT_HWCAP2: HWCAP2_FSGSBASE.
    let auxiliary = AddressSpace.find(task, stackPointer, toWrite: true)
    store(auxiliary + 24, 26)
    store(auxiliary + 32, Segments.isUsers ? 2 : 0)
    return load(file + 24)
  }

  private static func placeSegment(_ file: UInt, _ header: UInt, _ task: UnsafeMutablePointer<task>) {
    let flags = load_half(header + 4)
    let (offset, address, fileSize, size) = (load(header + 8), load(header + 16), load(header + 32), load(header + 40))
    var kind: UInt = flags & 2 != 0 ? Mapping.writable : 0
    if flags & 1 != 0 { kind |= Mapping.executable }
    var page = address & ~4095
    while page < address + size {
      let target = Memory.take()
      let from = max(page, address)
      let to = min(page + 4096, address + fileSize)
      if from < to { copy_bytes(target + (from - page), file + offset + (from - address), to - from) }
      AddressSpace.map(task, page | kind, target, isLive: false)
      page += 4096
    }
  }
}

