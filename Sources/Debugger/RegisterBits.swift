/// Names of the bits in registers that are sets of flags. SDM vol. 1, "EFLAGS Register", "MXCSR Control and Status Register"; vol. 3A,
/// "Control Registers", "Extended Feature Enable Register".

struct RegisterBits: Sendable {
  /// The register's width in bytes.
  var size: Int
  /// Ascending, each with the number of its bit.
  var names: [(name: String, bit: Int)]

  static let eflags = RegisterBits(
    size: 4,
    names: [
      ("CF", 0), ("", 1), ("PF", 2), ("AF", 4), ("ZF", 6), ("SF", 7), ("TF", 8), ("IF", 9), ("DF", 10), ("OF", 11),
      ("NT", 14), ("RF", 16), ("VM", 17), ("AC", 18), ("VIF", 19), ("VIP", 20), ("ID", 21),
    ])

  static let mxcsr = RegisterBits(
    size: 4,
    names: [
      ("IE", 0), ("DE", 1), ("ZE", 2), ("OE", 3), ("UE", 4), ("PE", 5), ("DAZ", 6), ("IM", 7), ("DM", 8), ("ZM", 9),
      ("OM", 10), ("UM", 11), ("PM", 12), ("FZ", 15),
    ])

  static let cr0 = RegisterBits(
    size: 8,
    names: [
      ("PE", 0), ("MP", 1), ("EM", 2), ("TS", 3), ("ET", 4), ("NE", 5), ("WP", 16), ("AM", 18), ("NW", 29), ("CD", 30),
      ("PG", 31),
    ])

  static let cr4 = RegisterBits(
    size: 8,
    names: [
      ("VME", 0), ("PVI", 1), ("TSD", 2), ("DE", 3), ("PSE", 4), ("PAE", 5), ("MCE", 6), ("PGE", 7), ("PCE", 8),
      ("OSFXSR", 9), ("OSXMMEXCPT", 10), ("UMIP", 11), ("LA57", 12), ("FSGSBASE", 16), ("PCIDE", 17), ("OSXSAVE", 18),
      ("SMEP", 20), ("SMAP", 21), ("PKE", 22), ("FRED", 32),
    ])

  static let efer = RegisterBits(
    size: 8, names: [("SCE", 0), ("LME", 8), ("LMA", 10), ("NXE", 11), ("SVME", 12), ("AIBRSE", 21)])
}
