using System.Numerics;

namespace Backprop;

/// <summary>Saves what a model has learned, and loads it back: a safetensors file with PyTorch's <c>state_dict</c> names and shapes.</summary>
/// <remarks>
/// In Python: <c>model.load_state_dict(safetensors.torch.load_file("model.safetensors"))</c>, and <c>safetensors.torch.save_file(model.state_dict(),
/// "model.safetensors")</c> the other way.
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
    /// <summary>Saves all parameters and buffers. The file is replaced as a whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static void Save<T>(this Layer<T> model, string path) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        var file = new SafeTensorsWriter();
        file.AddMetadata("format", "pt");
        ModelState<T>.Of(model).AddTo(file, "");
        file.Save(path);
    }

    /// <summary>Loads all parameters and buffers. Nothing changes unless the whole file fits.</summary>
    /// <remarks>Values go straight from the file into the model, so that loading takes no memory of its own. A disk that fails half-way therefore
    /// leaves a model that is half loaded, with an <see cref="IOException"/>.</remarks>
    /// <param name="model">The model, built as the one that was saved.</param>
    /// <param name="path">The file.</param>
    /// <param name="strict">Whether names that one side lacks are an error; false loads what both have.</param>
    /// <param name="convert">Whether a file in float may be loaded into a model in double (exactly) and the other way (rounded).</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidDataException">The file is not valid, or does not fit; one message lists all that is missing, unexpected, or of another shape or type.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static void Load<T>(this Layer<T> model, string path, bool strict = true, bool convert = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafeTensorsReader.Open(path);
        var state = ModelState<T>.Of(model);
        state.Check(file, "", $"{path} does not fit {model}", strict, convert);
        state.Read(file, "", convert);
    }
}
