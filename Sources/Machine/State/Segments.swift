/// Selectors, descriptors and the hidden part of segment registers.
///
/// SDM vol. 3A, "Segment Selectors", "Segment Registers" and "Segment Descriptors"; AMD APM vol. 2, "Segmented Virtual Memory".
/// Not modelled: virtual-8086 and real-address mode (there is no way in: the board starts in protected mode).

/// A segment register by its number in the encoding.
public enum SegmentName: Int, CaseIterable, Sendable {
  case es, cs, ss, ds, fs, gs
}

public struct Selector: Sendable, Hashable {
  public var rawValue: UInt16
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  /// Requested privilege level, 0 to 3.
  public var rpl: UInt8 { UInt8(rawValue & 3) }
  public var usesLDT: Bool { rawValue & 4 != 0 }
  /// Byte offset of the descriptor in its table.
  public var offset: UInt64 { UInt64(rawValue & 0xFFF8) }
  public var isNull: Bool { rawValue & 0xFFFC == 0 }
  /// The selector as an exception's error code has it: EXT clear, TI and index kept.
  var errorCode: UInt32 { UInt32(rawValue & 0xFFFC) }
}

/// An 8-byte descriptor, or the low half of a 16-byte system descriptor.
struct Descriptor {
  var rawValue: UInt64
  init(_ rawValue: UInt64) { self.rawValue = rawValue }

  var base: UInt32 { UInt32(truncatingIfNeeded: (rawValue >> 16) & 0xFF_FFFF | (rawValue >> 56) << 24) }
  /// Limit in bytes, with the granularity bit applied.
  var limit: UInt32 {
    let raw = UInt32(truncatingIfNeeded: rawValue & 0xFFFF | (rawValue >> 32) & 0xF_0000)
    return isPageGranular ? raw << 12 | 0xFFF : raw
  }
  var type: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 40) & 0xF }
  /// Code or data rather than a system descriptor (the S bit).
  var isCodeOrData: Bool { rawValue & 1 << 44 != 0 }
  var dpl: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 45) & 3 }
  var isPresent: Bool { rawValue & 1 << 47 != 0 }
  var isLong: Bool { rawValue & 1 << 53 != 0 }
  var isDefault32: Bool { rawValue & 1 << 54 != 0 }
  var isPageGranular: Bool { rawValue & 1 << 55 != 0 }

  var isCode: Bool { isCodeOrData && type & 8 != 0 }
  var isConforming: Bool { type & 4 != 0 }
  var isReadableCode: Bool { type & 2 != 0 }
  var isData: Bool { isCodeOrData && type & 8 == 0 }
  var isWritableData: Bool { isData && type & 2 != 0 }

  static let accessed: UInt64 = 1 << 40
}

/// The part of a segment register that a descriptor load fills, except the base, which lives in the register file.
public struct SegmentRegister: Sendable, Hashable {
  public var selector: UInt16 = 0
  /// Attribute bits as in a descriptor's bits 40 to 55 (type, S, DPL, P, AVL, L, D/B, G), shifted down by 40.
  public var attributes: UInt16 = 0
  /// Limit in bytes.
  public var limit: UInt32 = 0

  public init() {}
  init(selector: UInt16, descriptor: Descriptor) {
    self.selector = selector
    attributes = UInt16(truncatingIfNeeded: (descriptor.rawValue >> 40) & 0xF0FF)
    limit = descriptor.limit
  }
  init(selector: UInt16, attributes: UInt16, limit: UInt32) {
    self.selector = selector
    self.attributes = attributes
    self.limit = limit
  }

  public var isPresent: Bool { attributes & 0x80 != 0 }
  public var dpl: UInt8 { UInt8(truncatingIfNeeded: attributes >> 5) & 3 }
  public var isLong: Bool { attributes & Self.longMode != 0 }
  /// L, where `attributes` has it.
  public static let longMode: UInt16 = 0x2000
  /// The D bit of a code segment, the B bit of a stack segment.
  public var isDefault32: Bool { attributes & 0x4000 != 0 }
  var isCode: Bool { attributes & 0x18 == 0x18 }
  var isWritableData: Bool { attributes & 0x1A == 0x12 }
  var isReadable: Bool { attributes & 0x10 != 0 && (attributes & 8 == 0 || attributes & 2 != 0) }
  var isExpandDown: Bool { attributes & 0x1C == 0x14 }

  /// SS with a null selector, as privilege level `rpl` below 3 may have it in 64-bit code: not usable outside it.
  static func nullStack(_ rpl: UInt8) -> SegmentRegister {
    SegmentRegister(selector: UInt16(rpl), attributes: UInt16(rpl) << 5, limit: 0)
  }

  static let flatCode32 = SegmentRegister(selector: 0, attributes: 0xC09B, limit: 0xFFFF_FFFF)
  static let flatData = SegmentRegister(selector: 0, attributes: 0xC093, limit: 0xFFFF_FFFF)
}

/// GDTR or IDTR.
public struct DescriptorTable: Sendable, Hashable {
  public var base: UInt64 = 0
  /// Offset of the last byte.
  public var limit: UInt16 = 0

  public init(base: UInt64 = 0, limit: UInt16 = 0) {
    self.base = base
    self.limit = limit
  }
}
