/// Whose state a kernel-mode boundary runs on: one definition, for the window map and for every judgement.

public struct Ownership: OptionSet, Sendable, Hashable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// RSP is what the user chose, or that moved.
  public static let userRSP = Ownership(rawValue: 1)
  /// RSP is nothing that a frame could be pushed to: some kernels use it as a scratch register.
  public static let noStack = Ownership(rawValue: 8)
  /// RSP is at the end of a stack: the word there could be written, and the word below it not.
  public static let fullStack = Ownership(rawValue: 16)
  /// RSP is not a stack of the kernel's own.
  public static let notKernelStack: Ownership = [.userRSP, .noStack]
  /// The active GS base is the user's.
  public static let userGS = Ownership(rawValue: 2)
  /// The page tables are those that user mode runs on, and the kernel has others.
  public static let userTables = Ownership(rawValue: 4)
}
