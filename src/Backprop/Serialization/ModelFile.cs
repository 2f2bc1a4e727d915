using System.Globalization;
using System.Numerics;

namespace Backprop;

/// <summary>Saves what a model has learned, and loads it back: a safetensors file with PyTorch's <c>state_dict</c> names and shapes.</summary>
/// <remarks>
/// In Python: <c>model.load_state_dict(safetensors.torch.load_file("model.safetensors"))</c>, and <c>safetensors.torch.save_file(model.state_dict(),
/// "model.safetensors")</c> the other way. Files that are written here say in their metadata which version of this format they have; files from elsewhere need not.
/// </remarks>
/// <example>
/// <code>
/// model.Save("model.safetensors");
/// var again = new Sequential&lt;double&gt; { new Linear&lt;double&gt;(64, 32), new Sigmoid&lt;double&gt;(), new Linear&lt;double&gt;(32, 10) };
/// again.Load("model.safetensors");
/// </code>
/// </example>
public static class ModelFile
{
    internal const string VersionKey = "backprop model";
    private const string ClassesKey = "backprop classes";
    private const int Version = 1;

    /// <summary>Saves all parameters and buffers. The file is replaced as a whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="storeAs">What values are stored as: <see cref="SafeTensorsType.F16"/>, <see cref="SafeTensorsType.BF16"/>, <see cref="SafeTensorsType.F32"/> or
    /// <see cref="SafeTensorsType.F64"/>, rounded to the nearest, ties to even; null for the model's own type.</param>
    /// <param name="classes">What the classes that it tells apart are called, to be kept in the file.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="storeAs"/> is another type.</exception>
    /// <exception cref="OverflowException">A finite value would become infinite; the message says which. What was there before still is.</exception>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static void Save<T>(this Layer<T> model, string path, SafeTensorsType? storeAs = null, Classes? classes = null) where T : unmanaged, IFloatingPointIeee754<T> =>
        FileOf(model, storeAs, classes).Save(path);

    /// <summary>Saves all parameters and buffers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="stream">Where to, from its position on; it need not be able to seek, and stays open.</param>
    /// <param name="storeAs">What values are stored as; null for the model's own type.</param>
    /// <param name="classes">What the classes that it tells apart are called, to be kept in the file.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="storeAs"/> is no floating-point type of 16, 32 or 64 bits.</exception>
    /// <exception cref="OverflowException">A finite value would become infinite; the message says which. Nothing was written.</exception>
    /// <exception cref="IOException">The stream could not be written.</exception>
    public static void Save<T>(this Layer<T> model, Stream stream, SafeTensorsType? storeAs = null, Classes? classes = null) where T : unmanaged, IFloatingPointIeee754<T> =>
        FileOf(model, storeAs, classes).Write(stream);

    /// <summary>Loads all parameters and buffers. Nothing changes unless the whole file fits.</summary>
    /// <remarks>Values go straight from the file into the model, so that loading takes no memory of its own. A disk that fails half-way therefore
    /// leaves a model that is half loaded, with an <see cref="IOException"/>.</remarks>
    /// <param name="model">The model, built as the one that was saved.</param>
    /// <param name="path">The file.</param>
    /// <param name="strict">Whether names that one side lacks are an error; false loads what both have. Shapes that differ always are.</param>
    /// <param name="convert">Whether a file in F16, BF16, float or double may be loaded into a model in float or double: exactly, but for double to float, which is
    /// rounded, and refused where a finite value would become infinite.</param>
    /// <param name="prefix">Takes only what has this prefix in the file, and drops it: <c>"module."</c> for a model that was wrapped, <c>"encoder."</c> for a part of one,
    /// <c>"model."</c> or <c>"best."</c> for what a checkpoint knows last or knew in its best epoch.</param>
    /// <param name="rename">The name here for a name in the file, behind the prefix; null leaves the value out.</param>
    /// <returns>What was loaded, and what one side lacks.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidDataException">The file is not valid, or does not fit; one message lists all that is missing, unexpected, out of range, or of another shape or type.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static LoadReport Load<T>(this Layer<T> model, string path, bool strict = true, bool convert = false, string prefix = "", Func<string, string?>? rename = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafeTensorsReader.Open(path);
        return Load(model, file, path, strict, convert, prefix, rename);
    }

    /// <summary>Loads all parameters and buffers from the rest of a stream. Nothing changes unless all of it fits.</summary>
    /// <remarks>Of a stream that cannot seek, such as a download, all is read into memory first: up to 2 GB.</remarks>
    /// <param name="model">The model, built as the one that was saved.</param>
    /// <param name="stream">The stream, from its position to its end; it stays open.</param>
    /// <param name="strict">Whether names that one side lacks are an error; false loads what both have. Shapes that differ always are.</param>
    /// <param name="convert">Whether values of another floating-point type are converted.</param>
    /// <param name="prefix">Takes only what has this prefix, and drops it.</param>
    /// <param name="rename">The name here for a name there, behind the prefix; null leaves the value out.</param>
    /// <returns>What was loaded, and what one side lacks.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidDataException">What the stream holds is not valid, or does not fit; the message lists all that is wrong.</exception>
    /// <exception cref="IOException">The stream could not be read.</exception>
    public static LoadReport Load<T>(this Layer<T> model, Stream stream, bool strict = true, bool convert = false, string prefix = "", Func<string, string?>? rename = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafeTensorsReader.Open(stream, leaveOpen: true);
        return Load(model, file, file.Source, strict, convert, prefix, rename);
    }

    /// <summary>Reads what a model file calls the classes that its model tells apart, such as to know how many there are before the model is made.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The classes; null where the file does not say.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidDataException">The file is not valid, or its classes are none.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static Classes? ReadClasses(string path)
    {
        using var file = SafeTensorsReader.Open(path);
        return ClassesOf(file, path);
    }

    private static SafeTensorsWriter FileOf<T>(Layer<T> model, SafeTensorsType? storeAs, Classes? classes) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        if (storeAs is { } type && !SafeTensorsTypes.IsFloating(type))
            throw new ArgumentException($"Save expects storeAs to be F16, BF16, F32 or F64, but it is {Signature.Choice(type)}.", nameof(storeAs));
        var file = new SafeTensorsWriter();
        file.AddMetadata("format", "pt");
        file.AddMetadata(VersionKey, Version.ToString(CultureInfo.InvariantCulture));
        if (classes is not null) file.AddMetadata(ClassesKey, classes.ToJson());
        ModelState<T>.Of(model).AddTo(file, "", storeAs);
        return file;
    }

    private static LoadReport Load<T>(Layer<T> model, SafeTensorsReader file, string source, bool strict, bool convert, string prefix, Func<string, string?>? rename) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (file.Metadata.TryGetValue(VersionKey, out var version) && !(int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= Version))
            throw new InvalidDataException($"{source} is a model file of version {SafeTensorsHeader.Quote(version)}, and this version of Backprop reads those up to {Version}: a newer one wrote it.");
        var classes = ClassesOf(file, source);
        var state = ModelState<T>.Of(model);
        ArgumentNullException.ThrowIfNull(prefix);
        var names = new TensorNames(file, prefix, rename);
        var report = state.Check(file, names, $"{source} does not fit {model}", strict, convert);
        state.Read(file, names);
        return report with { Classes = classes };
    }

    private static Classes? ClassesOf(SafeTensorsReader file, string source) => file.Metadata.TryGetValue(ClassesKey, out var names) ? Classes.FromJson(names, source) : null;
}
