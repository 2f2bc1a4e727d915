using System.Buffers.Binary;
using System.Text;

namespace Backprop;

/// <summary>
/// Tells what a file is that is no safetensors file, by the bytes it begins with, so that a refusal can say what to do. Asked only
/// once a file is refused: the first eight bytes of a good one are a length, and may be anything.
/// </summary>
internal static class ForeignFile
{
    /// <summary>How many bytes it takes to tell.</summary>
    internal const int Bytes = 128;

    private const string Convert = """; convert it in Python with safetensors.torch.save_file(model.state_dict(), "model.safetensors")""";

    /// <summary>What the file is and how to come from there to safetensors, as the end of "it is"; or null.</summary>
    /// <param name="begin">The first bytes, up to <see cref="Bytes"/>.</param>
    internal static string? Describe(ReadOnlySpan<byte> begin) => begin switch
    {
        [(byte)'P', (byte)'K', 3, 4, ..] => DescribeZip(begin),
        [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, ..] => $"a PyTorch file in the format before version 1.6, a pickle{Convert}",
        [0x80, >= 2 and <= 5, ..] when IsNoLength(begin) => $"a Python pickle, as PyTorch's .pt and .pth files are{Convert}",
        [0x1f, 0x8b, 8, _, _, _, _, _, 0 or 2 or 4, ..] => "compressed with gzip; decompress it first",
        [0x89, (byte)'H', (byte)'D', (byte)'F', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "an HDF5 file, as Keras writes them; convert it in Python with safetensors.numpy.save_file(arrays, \"model.safetensors\")",
        [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..] => "a NumPy array; convert it in Python with safetensors.numpy.save_file({\"name\": array}, \"model.safetensors\")",
        _ when begin.StartsWith("version https://git-lfs"u8) => "a Git LFS pointer, which stands for the file itself; fetch that with git lfs pull",
        _ when StartsAsHtml(begin) => "a web page; what was to be downloaded is something else",
        _ => null,
    };

    /// <summary>Whether the first eight bytes are more than any header's length, and so not those of a file that was merely cut short.</summary>
    private static bool IsNoLength(ReadOnlySpan<byte> begin) =>
        begin.Length >= sizeof(ulong) && BinaryPrimitives.ReadUInt64LittleEndian(begin) > SafeTensorsHeader.MaxLength;

    private static string DescribeZip(ReadOnlySpan<byte> begin)
    {
        // Zip's local header: the length of the first name is at 26, the name at 30.
        const int LengthAt = 26, NameAt = 30;
        ReadOnlySpan<byte> name = begin.Length <= NameAt ? [] : begin[NameAt..Math.Min(begin.Length, NameAt + begin[LengthAt] + (begin[LengthAt + 1] << 8))];
        return name.EndsWith(".npy"u8)
            ? "a NumPy archive (.npz); convert it in Python with safetensors.numpy.save_file(dict(numpy.load(\"model.npz\")), \"model.safetensors\")"
            : name.EndsWith("/data.pkl"u8) ? $"a PyTorch file (.pt or .pth), a zip archive around a pickle{Convert}"
            : $"a zip archive, as PyTorch's .pt and .pth files are{Convert}";
    }

    private static bool StartsAsHtml(ReadOnlySpan<byte> begin)
    {
        string text = Encoding.Latin1.GetString(begin).TrimStart();
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase);
    }
}
