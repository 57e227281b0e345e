// swift-tools-version: 6.1
import PackageDescription

/// `LIMEN_CHECKED=1` builds everything for the tests of `./dev test --checked`: optimised, and with every check on, those of
/// unsafe buffers' bounds and `assert` too.
let isChecked = Context.environment["LIMEN_CHECKED"] == "1"

/// The interpreter's speed rests on `-Ounchecked`: the machine is one module, optimised whole.
let machineSettings: [SwiftSetting] = [
  .unsafeFlags(isChecked ? ["-assert-config", "Debug"] : ["-Ounchecked"], .when(configuration: .release))
]

/// The rooms in which a search spends its time. A run is objects that hold values, and each step touches dozens of them; the check that no two accesses
/// of one overlap calls the runtime twice for each, some 6 % of a search. What it guards against is an error of ours, and a machine and its search
/// belong to one thread. Checked and debug builds keep it; `./dev test --checked` runs the platforms in one, and not the search.
let searchSettings: [SwiftSetting] = [
  .unsafeFlags(isChecked ? [] : ["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

/// The arrows between these targets are the design's; `Tests/ArchitectureTests` checks the imports against them.
let package = Package(
  name: "limen",
  products: [.executable(name: "limen", targets: ["limen"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CZydis"),
    .systemLibrary(name: "CLZMA"),
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CZstd"),
    .systemLibrary(name: "CLZ4"),
    .systemLibrary(name: "CDW"),
    .target(name: "HostFloatingPoint"),
    .target(name: "HostDigest"),
    .target(name: "Confinement"),
    .target(name: "BuildIdentity"),
    .target(name: "Machine", dependencies: ["CZydis", "HostFloatingPoint"], swiftSettings: machineSettings),
    .target(name: "Platform", dependencies: ["Machine", "KernelImage", "Findings"]),
    .target(
      name: "BareMetal", dependencies: ["Platform", "Machine", "KernelImage", "Findings"], swiftSettings: searchSettings
    ),
    .target(
      name: "XenPV", dependencies: ["Platform", "Machine", "KernelImage", "Findings"], swiftSettings: searchSettings),
    .target(name: "Hypervisor", dependencies: ["BareMetal", "Platform", "Machine", "KernelImage", "Findings"]),
    .target(name: "KernelImage", dependencies: ["CLZMA", "CZlib", "CZstd", "CLZ4", "CDW", "HostDigest"]),
    .target(name: "Findings"),
    .target(name: "Invariants", dependencies: ["Platform", "Machine", "Findings"], swiftSettings: searchSettings),
    .target(
      name: "Subjects",
      dependencies: ["BareMetal", "XenPV", "Hypervisor", "Platform", "Machine", "KernelImage", "Findings"],
      swiftSettings: searchSettings),
    .target(
      name: "Execution", dependencies: ["Subjects", "Invariants", "Platform", "Machine", "Findings"],
      swiftSettings: searchSettings),
    .target(
      name: "Search", dependencies: ["Execution", "Subjects", "Invariants", "Platform", "Machine", "Findings"],
      swiftSettings: searchSettings),
    .target(
      name: "Explorer",
      dependencies: [
        "Search", "Execution", "Subjects", "Invariants", "Platform", "Machine", "KernelImage", "Findings",
      ]),
    .target(
      name: "Thread",
      dependencies: [
        "Explorer", "Execution", "Subjects", "Invariants", "Platform", "Machine", "KernelImage", "Findings",
      ]),
    .target(
      name: "Mutation",
      dependencies: ["Explorer", "Search", "Execution", "Subjects", "Machine", "KernelImage", "Findings"]),
    .target(
      name: "Debugger",
      dependencies: ["Explorer", "Execution", "Subjects", "Invariants", "Platform", "Machine", "Findings"]),
    .target(
      name: "Reports", dependencies: ["Findings"],
      resources: [.embedInCode("Page/page.css"), .embedInCode("Page/page.js"), .embedInCode("Page/body.html")]),
    .target(
      name: "LimenCommands",
      dependencies: [
        "Debugger", "Mutation", "Thread", "Explorer", "Subjects", "Reports", "Invariants", "Platform", "Machine",
        "KernelImage", "Findings", "Confinement", "BuildIdentity",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "limen", dependencies: ["LimenCommands"]),
    .executableTarget(
      name: "limen-bench", dependencies: ["BareMetal", "Machine", "KernelImage"], path: "Benchmarks",
      exclude: ["Trials"]),
    .testTarget(name: "ArchitectureTests"),
    .target(name: "HostInstructions", path: "Tests/HostInstructions"),
    .target(name: "WatchedRuns", dependencies: ["Machine"], path: "Tests/WatchedRuns"),
    .testTarget(
      name: "MachineTests", dependencies: ["Machine", "HostFloatingPoint", "HostInstructions"], exclude: ["Recorded"]),
    .testTarget(name: "BareMetalTests", dependencies: ["BareMetal", "Machine", "KernelImage", "WatchedRuns"]),
    .testTarget(
      name: "XenPVTests", dependencies: ["XenPV", "BareMetal", "Machine", "KernelImage", "WatchedRuns"],
      exclude: ["Expected"]),
    .testTarget(name: "KernelImageTests", dependencies: ["KernelImage"]),
    .testTarget(name: "FindingsTests", dependencies: ["Findings", "Reports"], exclude: ["Golden"]),
    .testTarget(name: "DebuggerTests", dependencies: ["Debugger", "Findings"]),
    .testTarget(
      name: "ExplorerTests",
      dependencies: [
        "Mutation", "Thread", "Explorer", "Search", "Execution", "Subjects", "Invariants", "Platform", "Findings",
        "LimenCommands",
        "Reports", "Machine", "KernelImage", "BareMetal", "XenPV", "Hypervisor", "WatchedRuns",
      ],
      exclude: ["Readers", "Selftests.expected", "Stepped.expected", "TinyKernel.S"]),
  ],
  swiftLanguageModes: [.v6]
)
