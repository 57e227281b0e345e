/// Why a kernel and what belongs to it cannot be placed in the board's memory.
public enum StartRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  case noMemory(bytes: Int)
  case memoryTooLarge(size: UInt64, highest: UInt64)
  case segmentOutsideMemory(address: UInt64, size: UInt64, memorySize: UInt64)
  case segmentsOverlap(first: UInt64, second: UInt64)
  /// A segment would be where firmware keeps its own data.
  case segmentInFirmwareData(address: UInt64, size: UInt64)
  case kernelDoesNotFit(kernelEnd: UInt64, needed: UInt64, memorySize: UInt64)
  case initrdDoesNotFit(initrdSize: UInt64, available: UInt64, memorySize: UInt64)
  case moduleDoesNotFit(index: Int, size: UInt64, available: UInt64, memorySize: UInt64)
  case commandLineHoldsNUL(offset: Int)

  public var description: String {
    switch self {
    case .noMemory(let bytes): "the host has no room for \(bytes) bytes of guest memory"
    case .memoryTooLarge(let size, let highest):
      "memory of \(size) bytes is not supported: the board takes up to \(highest) bytes"
    case .segmentOutsideMemory(let address, let size, let memorySize):
      "a segment of \(size) bytes at physical address 0x\(String(address, radix: 16)) does not fit into "
        + "\(memorySize) bytes of memory"
    case .segmentsOverlap(let first, let second):
      "the segments at physical addresses 0x\(String(first, radix: 16)) and 0x\(String(second, radix: 16)) overlap"
    case .segmentInFirmwareData(let address, let size):
      "a segment of \(size) bytes at physical address 0x\(String(address, radix: 16)) reaches into what the firmware "
        + "keeps below 0x500 and from 0x9f000 to 0xa0000"
    case .kernelDoesNotFit(let kernelEnd, let needed, let memorySize):
      "the kernel ends at byte \(kernelEnd) and its start information needs \(needed) more; "
        + "memory has \(memorySize) bytes"
    case .initrdDoesNotFit(let initrdSize, let available, let memorySize):
      "the initrd of \(initrdSize) bytes does not fit: \(available) bytes are free between the kernel and the end of "
        + "memory (\(memorySize) bytes)"
    case .moduleDoesNotFit(let index, let size, let available, let memorySize):
      "module \(index + 1) of \(size) bytes does not fit: \(available) bytes are free between what precedes it and the end "
        + "of memory (\(memorySize) bytes)"
    case .commandLineHoldsNUL(let offset):
      "the command line holds a NUL at byte \(offset)"
    }
  }

  /// More memory would help, as much of it as the board takes.
  public var needsMemory: Bool {
    switch self {
    case .segmentOutsideMemory(let address, let size, _):
      address < MemoryMap.highestMemorySize && size <= MemoryMap.highestMemorySize - address
    case .kernelDoesNotFit, .initrdDoesNotFit, .moduleDoesNotFit: true
    default: false
    }
  }

  /// Less memory would help.
  public var hasTooMuchMemory: Bool {
    switch self {
    case .memoryTooLarge, .noMemory: true
    default: false
    }
  }
}
