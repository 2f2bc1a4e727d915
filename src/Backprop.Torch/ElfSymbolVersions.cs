using System.Buffers.Binary;
using System.Text;

namespace Backprop.Torch;

/// <summary>
/// The versions of other libraries' symbols that a shared object needs. One of them can be marked as weak: the dynamic
/// loader then no longer refuses the object when the version is missing.
/// </summary>
/// <remarks>
/// 64-bit little-endian ELF; the layout is that of the Linux Standard Base, chapter "Symbol Versioning". Three sections
/// matter: <c>.gnu.version_r</c> (the libraries needed, and for each the versions), <c>.dynsym</c> (the symbols) and
/// <c>.gnu.version</c> (for each symbol the number of its version).
/// </remarks>
internal static class ElfSymbolVersions
{
    private const uint DynamicSymbols = 11, VersionsNeeded = 0x6ffffffe, SymbolVersions = 0x6fffffff;   // sh_type
    private const int HeaderSize = 64, SectionHeaderSize = 64, NeedSize = 16, SymbolSize = 24;
    private const ushort WeakFlag = 2;                      // VER_FLG_WEAK
    private const ushort HiddenBit = 0x8000;                // in .gnu.version, beside the number

    private static ReadOnlySpan<byte> Magic => [0x7f, (byte)'E', (byte)'L', (byte)'F', 2 /* 64-bit */, 1 /* little-endian */];

    /// <summary>Marks the need for <paramref name="version"/> as weak, in place: one bit of the image changes.</summary>
    /// <returns><see langword="true"/> if the bit was set; <see langword="false"/> if there was nothing to do, because the
    /// version is not needed or is weak already.</returns>
    /// <exception cref="BadImageFormatException">Not a 64-bit little-endian ELF file, or a damaged one.</exception>
    /// <exception cref="NotSupportedException">A symbol other than <paramref name="unusedSymbol"/> is wanted in that
    /// version: the library would load, and fail later in the middle of a call.</exception>
    public static bool Weaken(Span<byte> image, string version, string unusedSymbol)
    {
        if (image.Length < HeaderSize || !image.StartsWith(Magic))
            throw new BadImageFormatException("Not a 64-bit little-endian ELF file.");
        try
        {
            int need = FindNeed(image, version);
            if (need < 0)
                return false;
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(image[(need + 4)..]);
            if ((flags & WeakFlag) != 0)
                return false;
            ushort number = BinaryPrimitives.ReadUInt16LittleEndian(image[(need + 6)..]);
            RefuseOtherSymbols(image, number, version, unusedSymbol);
            BinaryPrimitives.WriteUInt16LittleEndian(image[(need + 4)..], (ushort)(flags | WeakFlag));
            return true;
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            // Every read is a slice of the image, every offset is added checked: a wrong one ends here, never outside.
            throw new BadImageFormatException("The ELF file is damaged: it points outside of itself.", e);
        }
    }

    /// <summary>The offset of the version's Elf64_Vernaux in the image, or -1.</summary>
    private static int FindNeed(ReadOnlySpan<byte> image, string version)
    {
        if (!TryFindSection(image, VersionsNeeded, out Section needs))
            return -1;
        ReadOnlySpan<byte> names = SectionAt(image, needs.Link).In(image);
        int budget = needs.Size / NeedSize;                 // against chains that cross: no more entries than there is room for
        int library = needs.Offset;                         // an Elf64_Verneed
        for (uint l = 0; l < needs.Info; l++)
        {
            int versions = BinaryPrimitives.ReadUInt16LittleEndian(image[(library + 2)..]);
            int need = Advance(library, image, 8);          // an Elf64_Vernaux
            for (int v = 0; v < versions; v++)
            {
                if (budget-- == 0)
                    throw new BadImageFormatException("The ELF file is damaged: its list of needed versions has no end.");
                if (NameIs(version, names, BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 8)..])))
                    return need;
                int next = Advance(need, image, 12);
                if (next == need)
                    break;
                need = next;
            }
            int nextLibrary = Advance(library, image, 12);
            if (nextLibrary == library)
                break;
            library = nextLibrary;
        }
        return -1;
    }

    private static void RefuseOtherSymbols(ReadOnlySpan<byte> image, ushort number, string version, string unusedSymbol)
    {
        if (!TryFindSection(image, DynamicSymbols, out Section symbolSection)
            || !TryFindSection(image, SymbolVersions, out Section versionSection))
            throw new BadImageFormatException("The ELF file is damaged: it needs symbol versions but lists no symbols.");
        ReadOnlySpan<byte> names = SectionAt(image, symbolSection.Link).In(image);
        ReadOnlySpan<byte> symbols = symbolSection.In(image), versions = versionSection.In(image);
        for (int i = 0; i < versions.Length / sizeof(ushort); i++)
        {
            int symbolVersion = BinaryPrimitives.ReadUInt16LittleEndian(versions[(i * sizeof(ushort))..]) & ~HiddenBit;
            if (symbolVersion != number)
                continue;
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(symbols[(i * SymbolSize)..]);
            if (!NameIs(unusedSymbol, names, name))
                throw new NotSupportedException($"The library uses {NameAt(names, name)} of {version}, not only {unusedSymbol}.");
        }
    }

    private static bool TryFindSection(ReadOnlySpan<byte> image, uint type, out Section section)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3c..]);
        for (uint i = 0; i < count; i++)
        {
            section = SectionAt(image, i);
            if (section.Type == type)
                return true;
        }
        section = default;
        return false;
    }

    private static Section SectionAt(ReadOnlySpan<byte> image, uint index)
    {
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]);
        ReadOnlySpan<byte> header = image[checked((int)(table + (ulong)index * SectionHeaderSize))..][..SectionHeaderSize];
        return new Section(
            Type: BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
            Offset: checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[24..])),
            Size: checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..])),
            Link: BinaryPrimitives.ReadUInt32LittleEndian(header[40..]),
            Info: BinaryPrimitives.ReadUInt32LittleEndian(header[44..]));
    }

    /// <summary>Follows the relative link that an entry holds; 0 stays where it is.</summary>
    private static int Advance(int entry, ReadOnlySpan<byte> image, int field) =>
        checked(entry + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(entry + field)..]));

    private static bool NameIs(string name, ReadOnlySpan<byte> names, uint offset) => NameAt(names, offset) == name;

    private static string NameAt(ReadOnlySpan<byte> names, uint offset)
    {
        ReadOnlySpan<byte> name = names[checked((int)offset)..];
        int end = name.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? name : name[..end]);
    }

    private readonly record struct Section(uint Type, int Offset, int Size, uint Link, uint Info)
    {
        public ReadOnlySpan<byte> In(ReadOnlySpan<byte> image) => image.Slice(Offset, Size);
    }
}
