/// One XMM register, and the shape that it shares with an MMX register.
/// Intel SDM vol. 1, "Fundamental and Packed Data Types"; element 0 is the least significant.

import HostFloatingPoint

public struct Vector128: Hashable, Sendable, BitwiseCopyable {
  public var low: UInt64
  public var high: UInt64

  public static let zero = Vector128(low: 0, high: 0)

  public init(low: UInt64 = 0, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }

  init(_ host: HostVector) { self.init(low: host.low, high: host.high) }
  var host: HostVector { HostVector(low: low, high: high) }

  /// The destination of a scalar instruction: the low 32 bits from `element`, the rest unchanged.
  public func replacingLow32(with element: UInt32) -> Vector128 {
    Vector128(low: low & ~0xFFFF_FFFF | UInt64(element), high: high)
  }

  /// The destination of a scalar instruction: the low 64 bits from `element`, the rest unchanged.
  public func replacingLow64(with element: UInt64) -> Vector128 { Vector128(low: element, high: high) }
}

/// A register of packed elements: 64 bits (MMX) or 128 bits (XMM). Integer SIMD is written once over this protocol.
public protocol PackedRegister: Equatable, Sendable, BitwiseCopyable {
  associatedtype Bytes: SIMD where Bytes.Scalar == UInt8
  associatedtype SignedBytes: SIMD where SignedBytes.Scalar == Int8
  associatedtype Words: SIMD where Words.Scalar == UInt16
  associatedtype SignedWords: SIMD where SignedWords.Scalar == Int16
  associatedtype Doublewords: SIMD where Doublewords.Scalar == UInt32
  associatedtype SignedDoublewords: SIMD where SignedDoublewords.Scalar == Int32

  static var zero: Self { get }

  /// The same 64-bit operation on each quadword. (A vector of one quadword has no SIMD type.)
  func quadwords(_ other: Self, _ operation: (UInt64, UInt64) -> UInt64) -> Self
}

extension UInt64: PackedRegister {
  public typealias Bytes = SIMD8<UInt8>
  public typealias SignedBytes = SIMD8<Int8>
  public typealias Words = SIMD4<UInt16>
  public typealias SignedWords = SIMD4<Int16>
  public typealias Doublewords = SIMD2<UInt32>
  public typealias SignedDoublewords = SIMD2<Int32>

  @inline(__always)
  public func quadwords(_ other: UInt64, _ operation: (UInt64, UInt64) -> UInt64) -> UInt64 { operation(self, other) }
}

extension Vector128: PackedRegister {
  public typealias Bytes = SIMD16<UInt8>
  public typealias SignedBytes = SIMD16<Int8>
  public typealias Words = SIMD8<UInt16>
  public typealias SignedWords = SIMD8<Int16>
  public typealias Doublewords = SIMD4<UInt32>
  public typealias SignedDoublewords = SIMD4<Int32>

  @inline(__always)
  public func quadwords(_ other: Vector128, _ operation: (UInt64, UInt64) -> UInt64) -> Vector128 {
    Vector128(low: operation(low, other.low), high: operation(high, other.high))
  }
}

// SAFETY: the associated types of a register are all of its own size, and any bit pattern is a value of each.
extension PackedRegister {
  @inline(__always) init<Elements: SIMD>(elements: Elements) { self = unsafeBitCast(elements, to: Self.self) }
  @inline(__always) func elements<Elements: SIMD>(_: Elements.Type) -> Elements {
    unsafeBitCast(self, to: Elements.self)
  }

  @inline(__always) var bytes: Bytes { elements(Bytes.self) }
  @inline(__always) var signedBytes: SignedBytes { elements(SignedBytes.self) }
  @inline(__always) var words: Words { elements(Words.self) }
  @inline(__always) var signedWords: SignedWords { elements(SignedWords.self) }
  @inline(__always) var doublewords: Doublewords { elements(Doublewords.self) }
  @inline(__always) var signedDoublewords: SignedDoublewords { elements(SignedDoublewords.self) }
}
